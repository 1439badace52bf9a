"""How an attempt ended, from Slurm's word, the node's and what was asked."""

from typing import Any

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor.slurm.ends import Facts, ending
from engine.executor.slurm.notes import Ended
from engine.slurm.jobs import SlurmJob


def facts(state: str | None = "COMPLETED", status: int | None = None, **more: Any) -> Facts:
    """A job of Slurm's in that state, `None` for a forgotten one; with a status the node left its word."""
    told = {name: more.pop(name, False) for name in ("stopped", "limited")}
    slurm_says = {name: more.pop(name) for name in ("exit_code", "signal", "reason") if name in more}
    slurm = None if state is None else SlurmJob(id=7, name="x", state=state, node="n1", started_at=10, **slurm_says)
    record = None if status is None else Ended(slurm=7, began=100.0, ended=103.0, status=status, **told)
    given: dict[str, Any] = {"asked": None, "claimed": True, "started_at": 50.0, "ended_at": 53.0, **more}
    return Facts(job=JobId("1"), attempt=1, slurm=slurm, record=record, **given)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (facts("COMPLETED", 0), (Cause.EXIT, 0, None)),
        (facts("FAILED", 3), (Cause.EXIT, 3, None)),
        (facts("FAILED", 137), (Cause.SIGNAL, None, 9)),
        (facts("FAILED", 250), (Cause.EXIT, 250, None)),
        (facts(None, 3), (Cause.EXIT, 3, None)),
        (facts("FAILED", exit_code=4), (Cause.EXIT, 4, None)),
        (facts("FAILED", exit_code=143), (Cause.SIGNAL, None, 15)),
        (facts("FAILED", signal=9), (Cause.SIGNAL, None, 9)),
        (facts("FAILED", 143, limited=True), (Cause.TIME_LIMIT, None, 15)),
        (facts("TIMEOUT", signal=15), (Cause.TIME_LIMIT, None, 15)),
        (facts("OUT_OF_MEMORY", 137), (Cause.OUT_OF_MEMORY, None, 9)),
        (facts("OUT_OF_MEMORY", 1), (Cause.OUT_OF_MEMORY, None, None)),
        (facts("CANCELLED", 143, stopped=True), (Cause.CANCELLED, None, 15)),
        (facts("CANCELLED", 143), (Cause.CANCELLED, None, 15)),
        (facts("CANCELLED", 3), (Cause.CANCELLED, 3, None)),
        (facts("CANCELLED", 0), (Cause.EXIT, 0, None)),
        (facts("COMPLETING", 3), (Cause.EXIT, 3, None)),
        (facts("COMPLETING", 3, asked=Cause.CANCELLED), (Cause.EXIT, 3, None)),
        (facts("PREEMPTED", 143, stopped=True), (Cause.PREEMPTED, None, 15)),
        (facts("PENDING", 143, put_back=True), (Cause.PREEMPTED, None, 15)),
        (facts("NODE_FAIL"), (Cause.HOST_REBOOT, None, None)),
        (facts("BOOT_FAIL", claimed=False), (Cause.LAUNCH_ERROR, None, None)),
        (facts("DEADLINE", claimed=False), (Cause.LAUNCH_ERROR, None, None)),
        (facts("FAILED", claimed=False, signal=53), (Cause.LAUNCH_ERROR, None, None)),
        (facts("FAILED", exit_code=97), (Cause.LAUNCH_ERROR, None, None)),
        (facts("FAILED", 97, exit_code=97), (Cause.EXIT, 97, None)),
        (facts(None), (Cause.LAUNCH_ERROR, None, None)),
        (facts("CANCELLED", 143, stopped=True, asked=Cause.PREEMPTED), (Cause.PREEMPTED, None, 15)),
        (facts("FAILED", 0, stopped=True, asked=Cause.CANCELLED), (Cause.CANCELLED, 0, None)),
        (facts("COMPLETED", 0, asked=Cause.CANCELLED), (Cause.EXIT, 0, None)),
        (facts("CANCELLED", claimed=False, asked=Cause.CANCELLED), (Cause.CANCELLED, None, None)),
    ],
    ids=lambda value: "",
)
def test_ends(known: Facts, expected: tuple[Cause, int | None, int | None]) -> None:
    found = ending(known)
    assert (found.cause, found.exit_code, found.signal) == expected
    assert found.ended_at == 53.0


def test_words_name_the_node_and_who_did_it() -> None:
    assert "node n1" in (ending(facts("NODE_FAIL")).message or "")
    assert ending(facts("CANCELLED", by="uid 1000")).message == "cancelled in Slurm by uid 1000"
    assert ending(facts("CANCELLED")).message == "cancelled in Slurm, not by rcq"
    assert "signal 53" in (ending(facts("FAILED", claimed=False, signal=53)).message or "")
    assert ending(facts("FAILED", claimed=False)).started_at is None
