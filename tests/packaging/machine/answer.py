"""What every kind of test machine can do: boot, run commands, lose its power, go away.

Must not know how a machine is made: nspawn.py and qemu.py are the two ways.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


@dataclass(slots=True, frozen=True, kw_only=True)
class Answer:
    """What a command in the machine came to."""

    code: int
    out: str
    err: str

    def good(self) -> str:
        """What it printed; the test fails if it did not end with 0."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self.out


class Machine(Protocol):
    """A booted Debian with systemd, users `user1` and `user2`, and rcq's release ready in /opt/rcq."""

    def start(self) -> None:
        """Boot, and wait until systemd says that it is up."""
        ...

    def run(
        self,
        *command: str,
        user: str | None = None,
        text: str = "",
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> Answer:
        """Run one command as root or as `user`, with `text` on its standard input, on a log-in's environment."""
        ...

    def cut_power(self) -> None:
        """Everything stops at once; the disk keeps what was written to it."""
        ...

    def power_off(self) -> None:
        """Shut down in good order; `start` boots again."""
        ...

    def clean(self) -> None:
        """Take the machine away with all that it held."""
        ...


def as_user(command: tuple[str, ...], user: str | None, environment: Mapping[str, str] | None) -> list[str]:
    """The command line that runs it as that user, on a log-in's clean environment."""
    words = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(environment or {})}.items()]
    if user is None:
        return ["env", "-i", *words, *command]
    return ["sudo", "-H", "-u", user, "--", "env", "-u", "MAIL", "-C", f"/home/{user}", *words[2:], *command]


def until(condition: Callable[[], T | None], patience_s: float = 30.0, every_s: float = 0.05) -> T:
    """The condition's first true answer; the test fails if none comes in time."""
    deadline = time.monotonic() + patience_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain"
        time.sleep(every_s)
    return answer
