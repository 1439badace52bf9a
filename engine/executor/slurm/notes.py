"""What an attempt leaves in its job's directory: the engine's note of its submission, the node's of begin and end.

The node's are written by the job's owner and count as what they are: numbers, within bounds, of that very job of
Slurm's. Must not know what becomes of them.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from engine.core.model import GpuUuid
from engine.executor import endings, records, unitfiles
from engine.ports import Ending, Launch

MOST_STATUS = 255
TAKEN_AWAY = (FileNotFoundError, NotADirectoryError, PermissionError)
"""What comes of a job's directory that the job removed, put something else in its place, or closed."""
NODE = re.compile(r"[A-Za-z0-9._-]{1,255}")


@dataclass(slots=True, frozen=True, kw_only=True)
class Note:
    """A submission. name: in Slurm. asked_at: Unix seconds before the last sbatch. id: Slurm's, once it is known.

    program: what the command begins with. started_at: Unix seconds, once that is known. node: where it ran.
    """

    name: str
    asked_at: float
    user: str | None = None
    program: str = ""
    limit_s: float = 0.0
    grace_s: float = 0.0
    id: int | None = None
    started_at: float | None = None
    node: str | None = None
    gpus: tuple[GpuUuid, ...] | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Begun:
    """Who claimed the attempt: Slurm's id. began: by the node's clock. node: where, by the script's own word."""

    slurm: int
    began: float
    node: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Ended:
    """How the script ended. status: as a shell has it. limited: its time was over; stopped: it was told to end."""

    slurm: int
    began: float
    ended: float
    status: int
    stopped: bool
    limited: bool


def note_name(attempt: int) -> str:
    """The engine's note of an attempt."""
    return f"slurm-{attempt}.json"


def first_note(launch: Launch, name: str, now: float) -> Note:
    """Before anything was submitted."""
    return Note(
        name=name, asked_at=now, user=launch.user, program=launch.argv[0], limit_s=launch.time_limit_s,
        grace_s=launch.grace_s,
    )  # fmt: skip


def write(directory: Path, attempt: int, note: Note) -> None:
    """Write the engine's note down, and have the disk keep it: a submission that is forgotten is made again.

    Raises OSError.
    """
    unitfiles.note(directory, note_name(attempt), asdict(note))
    place = records.open_directory(str(directory))
    try:
        os.fsync(place)
    finally:
        os.close(place)


def read(directory: Path, attempt: int) -> Note | None:
    """The engine's note; `None` where there is none."""
    record = unitfiles.noted(directory, note_name(attempt))
    known = {one.name: record[one.name] for one in fields(Note) if one.name in record}
    if not isinstance(known.get("name"), str) or not isinstance(known.get("asked_at"), int | float):
        return None
    cards = known.get("gpus")
    known["gpus"] = tuple(GpuUuid(str(one)) for one in cards) if isinstance(cards, list) else None
    return Note(**known)  # type: ignore[arg-type]  # the engine's user wrote it, as these are


def placed(ending: Ending, directory: Path) -> Ending:
    """An ending as the engine wrote it down, with the place where the attempt ran."""
    note = read(directory, ending.attempt)
    return ending if note is None else replace(ending, node=note.node, gpus=note.gpus)


def begun(directory: Path, attempt: int) -> Begun | None:
    """Who claimed the attempt; `None` where nobody said so (yet)."""
    record = _of_node(directory, f"begun-{attempt}.json", attempt)
    slurm, began = _whole(record.get("slurm")), endings.moment(record.get("began"))
    if slurm is None or began is None:
        return None
    node = record.get("node")
    return Begun(slurm=slurm, began=began, node=node if isinstance(node, str) and NODE.fullmatch(node) else None)


def is_claimed(directory: Path, attempt: int) -> bool:
    """Whether the attempt was begun by anybody."""
    with contextlib.suppress(OSError):
        place = records.open_directory(str(directory))
        try:
            return records.is_claimed(place, attempt)
        finally:
            os.close(place)
    return False


def is_gone(directory: Path) -> bool:
    """Whether the job's directory is there no more, or closed: a personal engine's jobs can take it away.

    Raises OSError.
    """
    try:
        os.close(records.open_directory(str(directory)))
    except TAKEN_AWAY:
        return True
    return False


def close_off(directory: Path, attempt: int) -> bool:
    """Claim the attempt in the engine's own name, so that no job of Slurm's runs it later; false if one has begun it.

    Raises OSError.
    """
    place = records.open_directory(str(directory))
    try:
        os.mkdir(records.claim_name(attempt), 0o700, dir_fd=place)
    except FileExistsError:
        return False
    finally:
        os.close(place)
    return True


def ended(directory: Path, attempt: int) -> Ended | None:
    """How it ended by the node's word; `None` where there is none (yet)."""
    record = _of_node(directory, f"ended-{attempt}.json", attempt)
    slurm, status = _whole(record.get("slurm")), _whole(record.get("status"))
    began, end = endings.moment(record.get("began")), endings.moment(record.get("ended"))
    if slurm is None or status is None or began is None or end is None or not 0 <= status <= MOST_STATUS:
        return None
    told = {name: bool(record.get(name)) for name in ("stopped", "limited")}
    return Ended(slurm=slurm, began=began, ended=max(began, end), status=status, **told)


def _of_node(directory: Path, name: str, attempt: int) -> Mapping[str, object]:
    with contextlib.suppress(OSError):
        place = records.open_directory(str(directory))
        try:
            record = records.read(place, name) or {}
        finally:
            os.close(place)
        return record if record.get("attempt") == attempt else {}
    return {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
