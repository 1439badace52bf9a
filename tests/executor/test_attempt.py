"""What an attempt was allowed, as the next engine finds it in a directory that is the job's to do with as it likes."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import JobId
from engine.executor import records, unitfiles
from engine.executor.attempt import PAUSED_MOST_S, Attempt, Limits
from engine.executor.unitstate import Unit
from engine.ports import Running

USEC = 1_000_000
KEPT = Limits(limit_s=60.0, warn_before_s=5.0, grace_s=2.0, kept=True, user="user1", cores=(1, 2))


def unit(limit_s: float, **told: Any) -> Unit:
    found = {"unit": "rcq-job-42.service", "Description": "rcq job 42, attempt 3"}
    made = Unit.of(found | {"RuntimeMaxUSec": int(limit_s * USEC)} | told)
    assert made is not None
    return made


def attempt(directory: Path, one: Unit, started_at: float) -> Attempt:
    running = Running(job=JobId("42"), attempt=3, pid=None, started_at=started_at)
    ignore: Any = lambda *some: None  # noqa: E731
    return Attempt(unit=one, running=running, directory=directory, limits=KEPT, ends=ignore, warns=ignore)


def test_limits_are_found_again(tmp_path: Path) -> None:
    unitfiles.note(tmp_path, records.run_name(3), asdict(KEPT))
    assert Limits.noted(tmp_path, unit(60 + PAUSED_MOST_S + 0.4)) == KEPT  # systemd rounds what it reads again


@pytest.mark.parametrize("there", [None, {"limit_s": 1e6}, {"limit_s": 1e6, "kept": True, "cores": []}, {"cause": "x"}])
@pytest.mark.parametrize(("kept", "net_s"), [(True, 60 + PAUSED_MOST_S), (False, 60)])
def test_a_job_that_takes_its_record_away_gains_no_time(tmp_path: Path, there: Any, kept: bool, net_s: float) -> None:
    if there is not None:
        unitfiles.note(tmp_path, records.run_name(3), there)
    limits = Limits.noted(tmp_path, unit(net_s))
    assert (limits.limit_s, limits.kept) == (60.0, kept)


def test_a_pause_that_is_noted_of_another_job_counts_as_its_own_run_at_most(tmp_path: Path) -> None:
    unitfiles.note(tmp_path, "paused-3", {"since_boot": -1e6, "total_s": 1e6})
    began = time.time() - 100
    one = attempt(tmp_path, unit(60, FreezerState="frozen"), began)
    one.take_up_pause()
    assert one.running.paused_since == pytest.approx(began, abs=1e-3)
    assert one.running.paused_s == pytest.approx(100, abs=10)


async def test_its_clock_goes_on_where_that_cannot_be_noted(tmp_path: Path) -> None:
    """A full disk, or a job that is in the way."""
    (tmp_path / ".paused-3.new").mkdir()
    one = attempt(tmp_path, unit(60 + PAUSED_MOST_S), time.time())
    one.walk()
    one.stand_still()
    assert one.running.paused_since is not None
    assert one._timers == []
    one.walk_on()
    assert one.running.paused_since is None
    assert len(one._timers) == 2
    one.end()


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
async def test_what_it_stood_still_is_seconds_that_passed_however_the_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_s: float
) -> None:
    since_boot, wall = time.monotonic(), time.time()
    passed = dict.fromkeys(("steady", "wall"), 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: since_boot + passed["steady"])
    monkeypatch.setattr(time, "time", lambda: wall + passed["wall"])
    one = attempt(tmp_path, unit(600 + PAUSED_MOST_S), wall - 7200)
    one.stand_still()
    passed |= {"steady": 20.0, "wall": 20.0 + by_s}
    found = attempt(tmp_path, unit(600 + PAUSED_MOST_S, FreezerState="frozen"), wall - 7200 + by_s)
    found.take_up_pause()  # by an engine that was started since
    assert found.running.paused_since == pytest.approx(wall + by_s)
    passed |= {"steady": 30.0, "wall": 30.0 + by_s}
    for each in (one, found):
        each.walk_on()
        assert each.running.paused_s == pytest.approx(30.0)
        each.end()
