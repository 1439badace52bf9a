"""How an attempt ended, from Slurm's word and the node's together. Pure. Must not know how either was come by."""

from dataclasses import dataclass

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor.slurm.notes import Ended
from engine.ports import Ending
from engine.slurm.jobs import SlurmJob

SIGNALLED = 128
MOST_SIGNAL = 64
REFUSED_TO_RUN = 98
"""The exit code of a script that must not run: another one has the attempt, or Slurm put it back into its queue."""
NO_ROOM = 97
"""That of a script that could not write down its begin, and so ran nothing."""
NOT_RUN_SIGNAL = 53
"""What Slurm has for a signal where slurmd could not run a script at all."""

LOST_UNBEGUN = "Slurm lost it before it began; it begins as its next attempt"
PUT_BACK = "Slurm put it back into its queue; it begins anew as its next attempt"
NOT_LAUNCHED = (
    "Slurm put it back into its queue before it began; see that controller and nodes know the job's Unix user"
    " by one and the same number (id), and what slurmd's log says"
)
LOST = (
    "Slurm knows no such job any more and its node left no word of its end; see what its output says, submit it again"
)
UNWRITTEN = "its node could write nothing to the job's directory: make room, or look at its owner's quota there"
BY_ITSELF = frozenset({"COMPLETED", "FAILED"})
PLAIN: dict[str, tuple[Cause, str | None]] = {
    "TIMEOUT": (Cause.TIME_LIMIT, None),
    "OUT_OF_MEMORY": (Cause.OUT_OF_MEMORY, None),
    "PREEMPTED": (Cause.PREEMPTED, "Slurm preempted it"),
}
LAUNCH_WORDS = {
    "BOOT_FAIL": "could not be started",
    "DEADLINE": "missed its deadline in Slurm",
    "REVOKED": "was taken over by another cluster of Slurm's federation",
    "LAUNCH_FAILED": "could not launch it; see slurmd's log there",
    "RECONFIG_FAIL": "could not be set up for it; see slurmd's log there",
}


@dataclass(slots=True, frozen=True, kw_only=True)
class Facts:
    """What is known of an attempt that is over. Times are the engine's.

    slurm: Slurm's word, `None` where it has forgotten. record: the node's word. asked: what it was told to end for.
    claimed: whether anything of it began. by: who cancelled it in Slurm, where that is known. lost: it was said to run,
    and certainly never does.
    """

    job: JobId
    attempt: int
    slurm: SlurmJob | None
    record: Ended | None
    asked: Cause | None
    claimed: bool
    started_at: float | None
    ended_at: float
    by: str = ""
    put_back: bool = False
    lost: bool = False


def ending(facts: Facts) -> Ending:
    """How it ended."""
    cause, message = _cause(facts)
    code, signal = _status(facts)
    if cause in {Cause.LAUNCH_ERROR, Cause.HOST_REBOOT, Cause.TIME_LIMIT, Cause.OUT_OF_MEMORY}:
        code = None
    if cause is Cause.LAUNCH_ERROR:
        signal = None
    if cause is Cause.EXIT and signal is not None:
        cause = Cause.SIGNAL
    if cause is Cause.EXIT and code is None:
        cause, message = Cause.LAUNCH_ERROR, LOST
    return Ending(
        job=facts.job, attempt=facts.attempt, cause=cause, exit_code=code, signal=signal,
        started_at=None if facts.lost or (cause is Cause.LAUNCH_ERROR and not facts.claimed) else facts.started_at,
        ended_at=facts.ended_at, message=message,
    )  # fmt: skip


def _cause(facts: Facts) -> tuple[Cause, str | None]:
    """In this order: what the node saw itself do, what it was told to do, what Slurm says."""
    record, slurm = facts.record, facts.slurm
    if record is not None and record.limited:
        return Cause.TIME_LIMIT, None
    if record is not None and not record.stopped and not _was_ended(facts, record):
        return _by_itself(facts)
    if facts.asked is not None:
        return facts.asked, None
    if facts.put_back or facts.lost:
        return _taken_back(facts)
    if slurm is None:
        return (Cause.EXIT, None) if record else (Cause.LAUNCH_ERROR, LOST)
    return _by_slurm(facts, slurm)


def _taken_back(facts: Facts) -> tuple[Cause, str | None]:
    if facts.lost:
        return Cause.PREEMPTED, LOST_UNBEGUN
    return (Cause.PREEMPTED, PUT_BACK) if facts.claimed else (Cause.LAUNCH_ERROR, NOT_LAUNCHED)


def _was_ended(facts: Facts, record: Ended) -> bool:
    """Whether Slurm ended it, whatever its command made of that: it signals the processes beside the script as well."""
    return _is_cut_short(facts) and record.status != 0


def _is_cut_short(facts: Facts) -> bool:
    """Whether what Slurm has for an exit code is none of the job's own: there it is 0 until a script has ended.

    Slurm 22.05 does not tell what a job came to whose node still clears up after it (COMPLETING).
    """
    return facts.put_back or (facts.slurm is not None and facts.slurm.state not in {*BY_ITSELF, "COMPLETING"})


def _by_itself(facts: Facts) -> tuple[Cause, str | None]:
    """Its script came to its end; only what killed its command may be Slurm's to tell."""
    if facts.slurm is not None and facts.slurm.state == "OUT_OF_MEMORY":
        return Cause.OUT_OF_MEMORY, None
    return Cause.EXIT, None


def _by_slurm(facts: Facts, slurm: SlurmJob) -> tuple[Cause, str | None]:
    where = f"node {slurm.node}" if slurm.node else "Slurm"
    plain = PLAIN.get(slurm.state)
    if plain is not None:
        return plain
    if slurm.state == "NODE_FAIL":
        return Cause.HOST_REBOOT, f"{where} failed while it ran (NODE_FAIL); submit it again"
    if slurm.state == "CANCELLED":
        return Cause.CANCELLED, f"cancelled in Slurm{f' by {facts.by}' if facts.by else ', not by rcq'}"
    if slurm.state not in BY_ITSELF:
        return Cause.LAUNCH_ERROR, f"{where} {LAUNCH_WORDS.get(slurm.state, 'ended it')} ({slurm.state})"
    if facts.record is None and slurm.exit_code == NO_ROOM:
        return Cause.LAUNCH_ERROR, UNWRITTEN
    return (Cause.EXIT, None) if facts.claimed else (Cause.LAUNCH_ERROR, _unbegun(slurm, where))


def _unbegun(slurm: SlurmJob, where: str) -> str:
    if slurm.started_at is None or slurm.node is None:
        return f"Slurm refused it: {slurm.reason or slurm.state}"
    how = f"signal {slurm.signal}" if slurm.signal else f"exit {slurm.exit_code}"
    why = f", {slurm.reason}" if slurm.reason else ""
    return f"{where} could not run its script ({how}{why}); see that it has the directories of jobs and users' homes"


def _status(facts: Facts) -> tuple[int | None, int | None]:
    if facts.record is not None:
        return split(facts.record.status)
    if facts.slurm is None or not facts.claimed:
        return None, None
    if facts.slurm.signal is not None or facts.slurm.exit_code is None or _is_cut_short(facts):
        return None, facts.slurm.signal
    return split(facts.slurm.exit_code)


def split(status: int) -> tuple[int | None, int | None]:
    """Exit code or signal: a shell has one number for both."""
    if SIGNALLED < status <= SIGNALLED + MOST_SIGNAL:
        return None, status - SIGNALLED
    return status, None
