"""How an attempt ended, from the records that it left: what its shepherd wrote, or what can be said without it.

Must not know the supervisor or the event loop.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import records
from engine.ports import Ending

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CLOCK_SET_S = 30.0
"""On a busy machine a shepherd may need a while to its first look at the clock, but not that long."""
KILLED = 9
MOST_STATUS = 255
LATEST_S = 1e11
"""Unix seconds: no clock of a host that runs jobs says more."""
INTERRUPTED = "its start was interrupted before it ran; submit it again"
ABANDONED = "the process that watched over the job was killed, so the job was ended; submit it again"
LET_GO = "the process that watched over the adopted one was killed; the adopted one was left alone"
REBOOTED = "the host was restarted while the job ran; submit it again"


def written(job: JobId, attempt: int, directory: int, owner: int | None = None) -> Ending | None:
    """What was written about the end of that attempt; `None` where nothing was (yet). owner: only by that user."""
    record = records.read(directory, records.EXIT, owner)
    if record is None or record.get("attempt") != attempt or record.get("job", job) != job:
        return None  # an owner of two jobs can move the one's record to the other
    return _ending(job, attempt, record)


def unwritten(
    job: JobId, attempt: int, run: Mapping[str, object], boot_id: str, stopped_for: Cause | None = None
) -> Ending:
    """What is known of an attempt whose shepherd is gone without a word. run: its run record, or else its claim."""
    started_at = moment(run.get("started_at"))
    if started_at is not None and run.get("boot_id") == boot_id:
        started_at = begun(run)
    cause, message = stopped_for or Cause.SIGNAL, ABANDONED
    if run.get("boot_id", boot_id) != boot_id:
        cause, message = Cause.HOST_REBOOT, REBOOTED
    elif started_at is None:
        cause, message = Cause.LAUNCH_ERROR, INTERRUPTED
    elif run.get("adopted") is True:
        message = LET_GO
    killed = message is ABANDONED and (cause is Cause.SIGNAL or cause is stopped_for)
    return Ending(
        job=job, attempt=attempt, cause=cause, exit_code=None, signal=KILLED if killed else None,
        started_at=started_at, ended_at=time.time(), message=message,
    )  # fmt: skip


def unlaunched(job: JobId, attempt: int, message: str) -> Ending:
    """A start that failed before anything of the job ran."""
    return Ending(
        job=job, attempt=attempt, cause=Cause.LAUNCH_ERROR, exit_code=None, signal=None, started_at=None,
        ended_at=time.time(), message=message,
    )  # fmt: skip


def write(ending: Ending, directory: Path) -> None:
    """Leave in the job's directory what nobody else is left to write there; a directory that is gone stays gone.

    What a later attempt left stays, too: where the books are older than the directory, they come to that one yet.
    """
    record = {name: getattr(ending, name) for name in Ending.__dataclass_fields__}
    with contextlib.suppress(OSError):
        handle = records.open_directory(str(directory))
        try:
            later = (records.read(handle, records.EXIT) or {}).get("attempt")
            if not isinstance(later, int) or later <= ending.attempt:
                records.write(handle, records.EXIT, record)
        finally:
            os.close(handle)


def moment(value: object) -> float | None:
    """Unix seconds as a record has them; `None` for what is no date, whoever wrote it."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LATEST_S:
        return None
    return float(value)


def begun(run: Mapping[str, object]) -> float:
    """When an attempt of this boot was started, by the clock of now: by its run record, unless the clock was set since.

    The kernel's word for when its shepherd was started does not depend on the clock.
    """
    told, ticks = moment(run.get("started_at")) or 0.0, run.get("shepherd_start")
    if not isinstance(ticks, int) or not ticks:
        return told
    by_now = moment(time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / TICKS_PER_S))
    return told if by_now is None or abs(by_now - told) < CLOCK_SET_S else by_now


def _ending(job: JobId, attempt: int, record: Mapping[str, object]) -> Ending | None:
    """A job can write its record too: what no shepherd would say is none, and never reaches the books."""
    ended_at, message = moment(record.get("ended_at")), record.get("message")
    code, signal, started_at = record.get("exit_code"), record.get("signal"), record.get("started_at")
    try:
        cause = Cause(str(record.get("cause")))
    except ValueError:
        return None
    if ended_at is None or not _is_status(code) or not _is_status(signal):
        return None
    if started_at is not None and moment(started_at) is None:
        return None
    return Ending(
        job=job, attempt=attempt, cause=cause, exit_code=code, signal=signal,
        started_at=moment(started_at), ended_at=ended_at,
        message=message.encode(errors="replace").decode() if isinstance(message, str) else None,
    )  # fmt: skip


def _is_status(value: object) -> TypeGuard[int | None]:
    """Whether it can be an exit code or a signal."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_STATUS)
