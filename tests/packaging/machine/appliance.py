"""The appliance on a booted machine, as people meet it: install.sh, `rcq` at a shell of their own, systemd's tools.

user1 and user2 are researchers of two groups, boss is the admin who installed it. Must not know how a machine is made.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.packaging.machine.answer import Answer, Machine, until

ENDED = ("completed", "failed", "cancelled")

# Two cards that are not there: /dev/nvidia0 and 1 stand for them. What a job gets is bounded by this, not by the host.
SETTINGS = """
[scheduling]
cpu_cores = 8
memory_mb = 900
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 2
[quota]
submissions_per_minute = 100000
[executor]
grace_s = 2.0
"""


class Appliance:
    """One installed machine."""

    def __init__(self, machine: Machine, patience_s: float = 60.0) -> None:
        self.machine = machine
        self.patience_s = patience_s

    def rcq(self, user: str, *words: str, text: str = "", code: int = 0) -> str:
        """What `rcq` prints for that person; it has to end with `code`."""
        answer = self.machine.run("rcq", *words, user=user, text=text)
        assert answer.code == code, f"exit {answer.code}\n{answer.out}\n{answer.err}"
        return answer.out

    def submit(self, user: str, *words: str) -> int:
        """Submit from the person's home directory; the job's id."""
        return int(json.loads(self.rcq(user, "submit", "--json", *words))["id"])

    def script(self, user: str, text: str, *words: str) -> int:
        """Submit a command line of bash."""
        return self.submit(user, *words, "--", "bash", "-c", text)

    def job(self, number: int, user: str = "boss") -> dict[str, Any]:
        """All of one job."""
        return dict(json.loads(self.rcq(user, "show", str(number), "--json")))

    def jobs(self, *words: str) -> dict[int, dict[str, Any]]:
        """What `rcq queue` lists, by id."""
        listed = self.rcq("boss", "queue", "--all", "--limit", "10000", "--json", *words)
        return {one["id"]: one for one in json.loads(listed)["items"]}

    def wait(self, number: int, *states: str) -> dict[str, Any]:
        """The job once it is in one of the states."""

        def there() -> dict[str, Any] | None:
            job = self.job(number)
            assert job["state"] in states or job["state"] not in ENDED, job
            return job if job["state"] in states else None

        return until(there, self.patience_s, every_s=0.1)

    def ended(self, number: int) -> dict[str, Any]:
        """The job at its end."""
        return self.wait(number, *ENDED)

    def log(self, number: int, user: str = "boss") -> str:
        """Its standard output."""
        return self.rcq(user, "logs", str(number))

    def unit(self, name: str, *names: str) -> dict[str, str]:
        """Properties of a unit, as systemd tells root."""
        words = [word for one in names for word in ("-p", one)]
        told = self.machine.run("systemctl", "show", *words, name).good()
        return dict(line.split("=", 1) for line in told.splitlines())

    def job_pid(self, number: int) -> int:
        """The first process of a running job."""
        return int(until(lambda: self.unit(f"rcq-job-{number}.service", "MainPID")["MainPID"].removeprefix("0")))

    def engine_answers(self) -> bool:
        """Whether a person gets an answer now."""
        return self.machine.run("rcq", "stats", user="boss").code == 0


def install(machine: Machine, environment: Mapping[str, str] | None = None) -> Answer:
    """`sudo ./install.sh --system` of boss."""
    return machine.run(
        "/src/install.sh", "--system", environment={"SUDO_USER": "boss", **(environment or {})}, timeout_s=300.0
    )


def furnish(machine: Machine) -> None:
    """From a machine with a release to an appliance with its people."""
    machine.run("useradd", "-m", "-s", "/bin/bash", "boss").good()
    machine.run("sh", "-c", "mkdir -p /etc/rcq && cat >/etc/rcq/rcq.toml", text=SETTINGS).good()
    install(machine).good()
    for user, group in (("user1", "vision"), ("user2", "language")):
        machine.run("usermod", "-aG", "rcq-users", user).good()
        Appliance(machine).rcq("boss", "account", "add", user, "--group", group, "--unix-user", user, "--no-password")
