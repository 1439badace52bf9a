"""What systemd tells of a unit, and how the attempt ended by that. The figures are as systemd 252 gave them."""

from typing import Any

import pytest

from engine.core.lifecycle import Cause
from engine.executor.unitstate import Phase, Unit

DONE: dict[str, Any] = {
    "unit": "rcq-job-42.service",
    "Description": "rcq job 42, attempt 3",
    "ActiveState": "failed",
    "SubState": "failed",
    "Result": "exit-code",
    "ExecMainPID": 77,
    "ExecMainCode": 1,
    "ExecMainStatus": 7,
    "ExecMainStartTimestamp": 1_000_000_000,
    "ExecMainStartTimestampMonotonic": 50_000_000,
    "ExecMainExitTimestampMonotonic": 110_000_000,
    "ActiveEnterTimestamp": 1_000_100_000,
    "RuntimeMaxUSec": 60_000_000,
}


def unit(**told: Any) -> Unit:
    made = Unit.of(DONE | told)
    assert made is not None
    return made


def test_whose_it_is() -> None:
    assert (unit().job, unit().attempt, unit().pid, unit().is_scope) == ("42", 3, 77, False)


@pytest.mark.parametrize("told", [{"unit": "cron.service"}, {"Description": "mine"}, {"Description": None}])
def test_what_is_no_jobs_unit(told: dict[str, Any]) -> None:
    assert Unit.of(DONE | told) is None
    assert Unit.of({"unit": "rcq-job-42.service", "ActiveState": "gone"}) is None


def test_a_unit_that_could_not_be_written_down_is_none() -> None:
    """systemd keeps its name, as on a full /run, and looks as if it were about to start it."""
    name = {"unit": "rcq-job-42.service", "Description": "rcq job 42, attempt 3"}
    new = {**name, "ActiveState": "inactive", "SubState": "dead", "InactiveEnterTimestampMonotonic": 0}
    assert Unit.of({**new, "LoadState": "not-found"}) is None
    made = Unit.of({**new, "LoadState": "loaded"})
    assert made is not None
    assert made.phase is Phase.RUNNING


@pytest.mark.parametrize(
    ("told", "cause", "code", "signal"),
    [
        ({}, Cause.EXIT, 7, None),
        ({"SubState": "exited", "ActiveState": "active", "ExecMainStatus": 0}, Cause.EXIT, 0, None),
        ({"Result": "signal", "ExecMainCode": 2, "ExecMainStatus": 9}, Cause.SIGNAL, None, 9),
        ({"Result": "success", "ExecMainCode": 2, "ExecMainStatus": 15}, Cause.SIGNAL, None, 15),
        ({"Result": "core-dump", "ExecMainCode": 3, "ExecMainStatus": 11}, Cause.SIGNAL, None, 11),
        ({"Result": "oom-kill", "ExecMainCode": 2, "ExecMainStatus": 9}, Cause.OUT_OF_MEMORY, None, 9),
        ({"Result": "timeout", "ExecMainCode": 2, "ExecMainStatus": 15}, Cause.TIME_LIMIT, None, 15),
        (  # somebody's `systemctl stop` that had to kill
            {"Result": "timeout", "ExecMainCode": 2, "ExecMainStatus": 9, "ExecMainExitTimestampMonotonic": 60_000_000},
            Cause.SIGNAL, None, 9,
        ),
        # a program may use the statuses that systemd uses for itself, once it runs
        ({"ExecMainStatus": 203}, Cause.EXIT, 203, None),
        # one that is gone before systemd saw it begin
        ({"ExecMainCode": 2, "ExecMainStatus": 9, "ActiveEnterTimestamp": 0}, Cause.SIGNAL, None, 9),
        ({"ActiveEnterTimestamp": 0}, Cause.EXIT, 7, None),
        ({"ExecMainStatus": 200, "ActiveEnterTimestamp": 0}, Cause.LAUNCH_ERROR, None, None),
        ({"ExecMainPID": 0, "ExecMainCode": 0, "ActiveEnterTimestamp": 0}, Cause.LAUNCH_ERROR, None, None),
    ],
)  # fmt: skip
def test_how_it_ended(told: dict[str, Any], cause: Cause, code: int | None, signal: int | None) -> None:
    ending = unit(**told).ending(None, 5_000.0)
    assert (ending.job, ending.attempt, ending.cause, ending.exit_code, ending.signal) == ("42", 3, cause, code, signal)
    assert ending.started_at == (None if cause is Cause.LAUNCH_ERROR else 1_000.0)


def test_a_clock_that_was_set_makes_no_run_longer() -> None:
    """Seconds since the boot tell how long it ran, and when it began by today's clock."""
    one = unit()
    assert one.ending(None, 5_000.0).ended_at == 1_060.0
    assert one.began_at(now=1_025.0, since_boot=75.5) == 1_000.0
    assert one.began_at(now=4_625.0, since_boot=75.0) == 4_600.0
    assert one.ending(None, 5_000.0, 4_600.0).ended_at == 4_660.0


def test_what_has_not_begun_begins_now() -> None:
    """Not when the machine did: its unit is told before its program runs."""
    one = unit(ExecMainStartTimestamp=0, ExecMainStartTimestampMonotonic=0)
    assert one.began_at(now=4_625.0, since_boot=4_000.0) == 4_625.0


def test_why_it_was_stopped_counts_more() -> None:
    ending = unit(ExecMainCode=2, ExecMainStatus=15, Result="oom-kill").ending(Cause.CANCELLED, 5_000.0)
    assert (ending.cause, ending.signal, ending.message) == (Cause.CANCELLED, 15, None)


def test_what_could_not_be_done_is_told_in_words() -> None:
    folder = unit(ExecMainStatus=200, ActiveEnterTimestamp=0).ending(None, 5_000.0)
    nothing = unit(ExecMainPID=0, ExecMainCode=0, ActiveEnterTimestamp=0, Result="resources").ending(None, 5_000.0)
    assert "working directory" in (folder.message or "")
    assert "resources" in (nothing.message or "")


@pytest.mark.parametrize(
    ("active", "sub", "phase"),
    [
        ("activating", "start", Phase.RUNNING),
        ("active", "running", Phase.RUNNING),
        ("active", "exited", Phase.LEFT),
        ("deactivating", "stop-sigterm", Phase.STOPPING),
        ("failed", "failed", Phase.ENDED),
        ("inactive", "dead", Phase.ENDED),
    ],
)
def test_where_it_stands(active: str, sub: str, phase: Phase) -> None:
    assert unit(ActiveState=active, SubState=sub, InactiveEnterTimestampMonotonic=1).phase is phase


def test_a_unit_that_was_just_made_has_not_ended() -> None:
    assert unit(ActiveState="inactive", SubState="dead", InactiveEnterTimestampMonotonic=0).phase is Phase.RUNNING


def test_a_figure_that_is_not_set_is_none() -> None:
    """systemd says all ones."""
    assert unit(ExecMainPID=2**64 - 1).pid is None
    assert unit(RuntimeMaxUSec=2**64 - 1).limit_s == 0
