"""Heat from sample to sample: who is hot, who is critical, and what becomes of the jobs there."""

import contextlib
from dataclasses import replace

import pytest

from config.settings import ThermalSettings
from engine.core.lifecycle import Cause, JobState
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.policy import Thermal
from engine.core.snapshot import Host, Lease
from engine.daemon.books import Books, Live
from engine.daemon.cards import Cards
from engine.daemon.feed import Feed
from engine.daemon.heatguard import CODE, HeatGuard, HeatRules
from engine.daemon.notices import Notices
from engine.daemon.pauses import Pauses
from engine.daemon.stops import Stops
from engine.daemon.usage import UsageBook
from engine.ports import CannotPause
from engine.readings import GpuReading

ANN = AccountName("ann")


class Clock:
    def __init__(self) -> None:
        self.time = 1_000.0

    def now(self) -> float:
        return self.time


class Told:
    """What was asked of executor, runs and audit log; nothing is done."""

    def __init__(self) -> None:
        self.paused: list[str] = []
        self.gone_on: list[str] = []
        self.stopped: list[tuple[str, Cause, str]] = []
        self.noted: list[str] = []
        self.refuses = False

    async def pause(self, job):
        if self.refuses:
            raise CannotPause("not now")
        self.paused.append(job)

    async def go_on(self, job):
        if self.refuses:
            raise CannotPause("not now")
        self.gone_on.append(job)

    def mark(self, live, cause, message=None):
        live.stopping = cause
        self.stopped.append((live.job, cause, message))

    def stop_soon(self, live):
        pass

    def wake(self):
        pass

    def add(self, *changes):
        pass

    async def append(self, entry):
        self.noted.append(entry.detail["rule"])


class Box:
    """Cards, jobs on them, and a guard that looks after each sample."""

    def __init__(self, action: str) -> None:
        self.clock, self.told = Clock(), Told()
        self.books = Books(host=Host(cpu_cores=8, memory_mb=8_000), cards=Cards(30.0), usage=UsageBook(60.0))
        self.notices = Notices(Feed(), self.clock)
        self.pauses = Pauses(books=self.books, executor=self.told, feed=Feed(), clock=self.clock)
        self.stops = Stops(runs=self.told, journal=self.told, audit=self.told, clock=self.clock)
        self.guard = HeatGuard(
            books=self.books, notices=self.notices, pauses=self.pauses, stops=self.stops,
            rules=HeatRules(thermal=Thermal(), action=action),
        )  # fmt: skip

    def run(self, job: str, *indices: int) -> Live:
        owner = Owner(account=ANN, group=GroupName("bio"))
        key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape(time_limit_s=3600))
        gpus = tuple(GpuUuid(f"GPU-{index}") for index in indices)
        lease = Lease(
            job=JobId(job), key=key, gpus=gpus, started_at=self.clock.time, expected_end=self.clock.time + 600
        )
        live = Live(lease=lease, attempt=1, state=JobState.RUNNING, started_at=self.clock.time)
        self.books.live[live.job] = live
        return live

    async def sample(self, *celsius: float | None, **more) -> None:
        self.clock.time += 1.0
        self.books.cards.update(
            [
                replace(
                    GpuReading(uuid=GpuUuid(f"GPU-{at}"), index=at, model="A", memory_mb=1, read_at=self.clock.time),
                    temperature_c=heat,
                    **more,
                )
                for at, heat in enumerate(celsius)
            ],
            {},
        )
        self.guard.look(self.clock.time)
        for task in list(self.pauses._under_way.values()):
            await task_done(task)
        await self.stops.settle()

    def hot(self) -> set[str]:
        return {str(uuid) for uuid in self.books.cards.hot}

    def codes(self, job: str | None = None) -> list[str]:
        return [one.code for one in self.notices.of_account(None) if one.job == job]


async def task_done(task) -> None:
    with contextlib.suppress(CannotPause):
        await task


@pytest.fixture
def box():
    return Box("pause")


async def test_a_card_between_resume_and_threshold_counts_as_hot_until_it_was_seen_below(box: Box) -> None:
    await box.sample(72.0, 69.0, None)
    assert box.hot() == {"GPU-0"}, "it may have been hot when the last engine stopped"
    await box.sample(69.0, 72.0, 72.0)
    assert box.hot() == {"GPU-2"}, "a silent one is judged when it first tells"
    await box.sample(72.0, 75.0, 69.0)
    assert box.hot() == {"GPU-1"}


async def test_pause_at_critical_and_on_below_resume(box: Box) -> None:
    live, other = box.run("1", 0), box.run("2", 1)
    await box.sample(89.9, 40.0)
    assert (box.told.paused, box.codes()) == ([], [])
    await box.sample(90.0, 40.0)
    assert (box.told.paused, live.paused_since, other.paused_since) == (["1"], box.clock.time, None)
    assert (box.codes(), box.codes("1"), box.codes("2")) == ([CODE], [CODE], [])
    for heat in (95.0, 89.0, 75.0, 74.9, 70.0):
        await box.sample(heat, 40.0)
        assert (box.told.paused, box.told.gone_on) == (["1"], [])
    assert (box.codes(), box.codes("1")) == ([], [CODE]), (
        "the card is well; why it stands still its owner is still told"
    )
    await box.sample(69.9, 40.0)
    assert (box.told.gone_on, live.paused_since, live.paused_s) == (["1"], None, 6.0)
    await box.sample(89.0, 40.0)
    assert (box.told.paused, box.codes("1")) == (["1"], [])


async def test_the_ends_of_a_paused_job_move_on(box: Box) -> None:
    live = box.run("1", 0)
    planned, limit = live.seen(box.clock.time, 30.0).expected_end, live.lease.limit_end
    await box.sample(91.0)
    box.clock.time += 5_000.0
    seen = live.seen(box.clock.time, 30.0)
    assert (seen.ending, seen.paused_s, seen.expected_end) == (False, 5_000.0, planned + 5_000.0)
    assert seen.limit_end == limit + 5_000.0
    live.stopping, live.stopping_since = Cause.CANCELLED, box.clock.time
    assert live.seen(box.clock.time + 9.0, 30.0).paused_s == 5_000.0, "who is told to stop stands still no more"


async def test_a_job_on_several_cards_goes_on_when_none_is_too_hot(box: Box) -> None:
    box.run("1", 0, 1)
    await box.sample(91.0, 80.0)
    await box.sample(60.0, 76.0)
    assert box.told.gone_on == []
    await box.sample(60.0, 69.0)
    assert box.told.gone_on == ["1"]


async def test_sharers_are_all_paused(box: Box) -> None:
    box.run("1", 0)
    box.run("2", 0)
    await box.sample(91.0)
    assert box.told.paused == ["1", "2"]


async def test_a_paused_job_that_is_found_at_start_is_guarded_on(box: Box) -> None:
    live = box.run("1", 0)
    live.paused_since = box.clock.time - 100.0
    await box.sample(72.0)
    assert box.told.gone_on == [], "not below resume yet"
    await box.sample(65.0)
    assert box.told.gone_on == ["1"]
    assert live.paused_s == pytest.approx(102.0)


@pytest.mark.parametrize("action", ["warn", "preempt"])
async def test_under_another_policy_paused_jobs_go_on(action: str) -> None:
    box = Box(action)
    box.run("1", 0).paused_since = box.clock.time
    await box.sample(80.0)
    assert box.told.gone_on == ["1"]


async def test_nobody_stays_paused_for_a_card_that_cannot_be_read(box: Box) -> None:
    box.run("1", 0)
    await box.sample(91.0)
    box.clock.time += 31.0
    box.guard.look(box.clock.time)
    for task in list(box.pauses._under_way.values()):
        await task
    assert (box.told.gone_on, box.codes()) == (["1"], [])


async def test_a_pause_that_fails_is_asked_for_again(box: Box) -> None:
    live = box.run("1", 0)
    box.told.refuses = True
    await box.sample(91.0)
    assert (box.told.paused, live.paused_since) == ([], None)
    box.told.refuses = False
    await box.sample(91.0)
    assert (box.told.paused, live.paused_since) == (["1"], box.clock.time)
    box.told.refuses = True
    await box.sample(60.0)
    assert live.paused_since is not None
    box.told.refuses = False
    await box.sample(60.0)
    assert (box.told.gone_on, live.paused_since) == (["1"], None)


async def test_warn_only_tells() -> None:
    box = Box("warn")
    live = box.run("1", 0)
    await box.sample(92.0)
    (told,) = list(box.notices.of_account(ANN))
    assert (told.numbers["action"], told.numbers["temperature_c"], told.numbers["index"]) == ("warn", 92.0, 0)
    assert (box.told.paused, box.told.stopped, live.paused_since) == ([], [], None)
    await box.sample(74.0)
    assert list(box.notices.of_account(None)) == []


async def test_preempt_stops_each_job_once_and_says_why() -> None:
    box = Box("preempt")
    box.run("1", 0)
    for _ in range(3):
        await box.sample(92.0)
    ((job, cause, message),) = box.told.stopped
    assert (job, cause) == ("1", Cause.PREEMPTED)
    assert "GPU 0 got critically hot (it had 92 °C)" in message
    assert box.told.noted == ["heat"]


@pytest.mark.parametrize("more", [{"throttle": ("hw-thermal",), "throttled": True}, {"margin_c": 0.0}])
async def test_three_hard_samples_on_end_are_critical_whatever_the_degrees(box: Box, more) -> None:
    box.run("1", 0)
    await box.sample(60.0, **more)
    await box.sample(60.0, **more)
    box.guard.look(box.clock.time)  # the same reading is one sample, however often it is looked at
    await box.sample(60.0)
    await box.sample(60.0, **more)
    await box.sample(60.0, **more)
    assert box.told.paused == []
    await box.sample(60.0, **more)
    assert box.told.paused == ["1"]
    await box.sample(60.0)
    assert (box.told.gone_on, box.codes()) == (["1"], [])


async def test_a_peak_of_the_gentle_throttle_is_not_critical(box: Box) -> None:
    box.run("1", 0)
    for _ in range(5):
        await box.sample(84.0, throttle=("sw-thermal", "power-cap"), throttled=True)
    assert (box.told.paused, box.hot()) == ([], {"GPU-0"})


def test_the_settings_have_their_order() -> None:
    with pytest.raises(ValueError, match="critical_c"):
        ThermalSettings(threshold_c=80.0, critical_c=79.0)
