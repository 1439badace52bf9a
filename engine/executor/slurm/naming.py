"""What an attempt is called in Slurm, so that it is found again whatever became of the answer to its submission.

Must not know Slurm.
"""

import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from engine.core.model import JobId

FILE = "slurm-instance"
INSTANCE = re.compile(r"[0-9a-f]{8}")
NAME = re.compile(r"rcq-(?P<instance>[0-9a-f]{8})-(?P<job>[A-Za-z0-9_-]+)\.(?P<attempt>[1-9]\d*)")


class Named(NamedTuple):
    """An attempt, by its name in Slurm."""

    job: JobId
    attempt: int


class Naming:
    """Names of one engine's attempts. instance: eight hexadecimal digits that tell it from all others.

    since: Unix seconds from which on Slurm may have had such attempts.
    """

    def __init__(self, instance: str, since: float = 0.0) -> None:
        self.instance = instance
        self.since = since
        self.prefix = f"rcq-{instance}-"

    @classmethod
    def of(cls, state_dir: Path) -> "Naming":
        """The names of the engine with that state; the first call decides. Raises OSError, ValueError."""
        path = state_dir / FILE
        try:
            return cls(_read(path), path.stat().st_mtime)
        except FileNotFoundError:
            draft = state_dir / f".{FILE}.{os.getpid()}"
            draft.write_text(secrets.token_hex(4) + "\n", encoding="ascii")
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return cls(_read(path), path.stat().st_mtime)

    def name(self, job: JobId, attempt: int) -> str:
        """What Slurm's job of that attempt is called."""
        return f"{self.prefix}{job}.{attempt}"

    def named(self, name: str) -> Named | None:
        """The attempt of that name; `None` for a stranger's."""
        found = NAME.fullmatch(name)
        if found is None or found["instance"] != self.instance:
            return None
        return Named(JobId(found["job"]), int(found["attempt"]))


def _read(path: Path) -> str:
    told = path.read_text(encoding="ascii").strip()
    if INSTANCE.fullmatch(told) is None:
        raise ValueError(f"{path} does not hold eight hexadecimal digits; restore it from a backup")
    return told
