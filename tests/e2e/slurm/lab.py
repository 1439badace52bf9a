"""An engine that hands its jobs to a real Slurm, what those jobs write of themselves, and what Slurm says of them.

Each job's run leaves lines in one ledger that all share: `begin JOB ATTEMPT TIME` and `end JOB ATTEMPT TIME`, by the
node's clock. Must not know what the engine has in its database: people's commands and Slurm's are all there is to see.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.slurm.cluster import Cluster
from tests.slurm.cluster import until as wait

SETTINGS = """
[gpu]
provider = "none"
[auth]
bcrypt_rounds = 4
peer = false
[executor]
kind = "slurm"
grace_s = 1.0
[slurm]
bin_dir = "{bin_dir}"
ahead = {ahead}
poll_s = 0.5
timeout_s = {timeout_s}
[slurm.cards.a100]
model = "NVIDIA A100"
memory_mb = 40960
"""
NAME = re.compile(r"rcq-(?P<instance>[0-9a-f]+)-(?P<job>[0-9]+)\.(?P<attempt>[0-9]+)")
WITHIN_S = 60.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Released:
    """A job of Slurm's that is an attempt of one of ours. id: Slurm's. cores: that it has or waits for."""

    id: int
    job: int
    attempt: int
    state: str
    reason: str
    cores: int


class Lab:
    """One engine, its admin, its cluster and the ledger of what ran. commands: links that a test may replace."""

    def __init__(self, cluster: Cluster, engine: Any, commands: Path) -> None:
        self.cluster = cluster
        self.engine = engine
        self.commands = commands
        self.ledger = engine.root / "ledger"
        self.admin = engine.admin()
        self._drained_since: dict[str, float] = {}

    def script(self, *, seconds: float = 0.0, code: int = 0, say: str = "") -> str:
        """A job that writes down when it began and ended, and what it was told to say."""
        note = f'"$RCQ_JOB_ID $RCQ_ATTEMPT $(date +%s.%N)" >> {self.ledger}'
        return "\n".join([
            f'echo begin {note}', f"echo '{say}'" if say else ":", f"sleep {seconds}" if seconds else ":",
            f"echo end {note}", f"exit {code}",
        ])  # fmt: skip

    def runs(self, word: str = "begin") -> Counter[tuple[int, int]]:
        """How often each attempt of each job began (or reached its end)."""
        return Counter((job, attempt) for kind, job, attempt, _ in self.moments() if kind == word)

    def moments(self) -> list[tuple[str, int, int, float]]:
        """The ledger: what, job, attempt, when."""
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        parts = (line.split() for line in lines)
        return [(kind, int(job), int(attempt), float(at)) for kind, job, attempt, at in parts]

    def ran_once(self) -> None:
        """No attempt began twice."""
        assert [run for run, times in self.runs().items() if times > 1] == []

    def released(self, *states: str) -> list[Released]:
        """This engine's jobs in Slurm's memory, oldest first; of these states alone where some are named."""
        instance = (self.engine.state / "slurm-instance").read_text().strip()
        lines = self.cluster.run("squeue", "-h", "-t", "all", "-o", "%A|%j|%T|%r|%C").splitlines()
        found = (_released(line.split("|"), instance) for line in lines)
        ours = (one for one in found if one is not None and (not states or one.state in states))
        return sorted(ours, key=lambda one: one.id)

    def in_slurm(self, job: int, *states: str, within_s: float = WITHIN_S) -> Released:
        """The job's latest attempt, as soon as Slurm has it (in one of these states)."""

        def there() -> Released | None:
            return next((one for one in reversed(self.released(*states)) if one.job == job), None)

        return self.until(there, f"job {job} is in Slurm {' or '.join(states)}", within_s)

    def reaches(self, job: int, *states: str, within_s: float = WITHIN_S) -> dict[str, Any]:
        """The job, as soon as it is in one of these states."""

        def there() -> dict[str, Any] | None:
            told = dict(self.admin.job(job))
            return told if told["state"] in states else None

        return self.until(there, f"job {job} is {' or '.join(states)}", within_s)

    def ends(self, job: int, within_s: float = WITHIN_S) -> dict[str, Any]:
        """The job when it is over."""
        return self.reaches(job, "completed", "failed", "cancelled", within_s=within_s)

    def all_end(self, jobs: Iterable[int], within_s: float = WITHIN_S) -> dict[int, dict[str, Any]]:
        """All of them, when they are over."""
        return {job: self.ends(job, within_s) for job in jobs}

    def fates(self, jobs: Iterable[int], within_s: float = WITHIN_S) -> dict[str, str]:
        """How all of them ended, and one message for each way."""
        return {told["state"]: told["message"] or "" for told in self.all_end(jobs, within_s).values()}

    def drained(self, for_s: float) -> list[str]:
        """Nodes that have been seen drained for so long."""
        now = time.monotonic()
        there = [name for name, state in self.cluster.states().items() if state.startswith("drain")]
        self._drained_since = {name: self._drained_since.get(name, now) for name in there}
        return [name for name, since in self._drained_since.items() if now - since >= for_s]

    def rcq(self, *words: str, code: int = 0) -> str:
        """What the admin's command prints."""
        return str(self.engine.rcq(self.admin, *words, code=code))

    def until(self, condition: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
        """The condition's first true answer. Raises AssertionError, with the engine's last words, if none comes."""
        found: list[Any] = []

        def asked() -> bool:
            found.append(condition())
            return bool(found[-1])

        try:
            wait(asked, what, within_s)
        except TimeoutError as late:
            raise AssertionError(f"{late}\n{self.queue()}\n{self.last_words()}") from late
        return found[-1]

    def queue(self) -> str:
        """What Slurm has in its queue."""
        return self.cluster.run("squeue", "-t", "all", check=False)[-3000:]

    def last_words(self) -> str:
        """The end of the engine's log."""
        return str((self.engine.root / "engine.log").read_text()[-3000:])


def _released(cells: list[str], instance: str) -> Released | None:
    number, name, state, reason, cores = cells
    if (ours := NAME.fullmatch(name)) is None or ours["instance"] != instance:
        return None
    return Released(
        id=int(number), job=int(ours["job"]), attempt=int(ours["attempt"]), state=state, reason=reason, cores=int(cores)
    )
