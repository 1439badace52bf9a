"""Expected run times through a whole engine: learnt from ends, kept over restarts, used by plans, bills and answers."""

import pytest

from config.settings import SchedulingSettings, Settings
from engine.api.asks import GroupChange
from engine.bookkeeping import Ended, PastRun
from engine.core.estimate import History
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId, PendingGroup, Waiting
from engine.core.policy import Basis
from engine.daemon.policy import policy_of
from engine.daemon.runtimes import REFRESHED, TELLING, RunTimes
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView

LIMIT_S = 36_000
RUN_S = 300.0


def over(cause=Cause.EXIT, ran_s=RUN_S):
    state = JobState.COMPLETED if cause is Cause.EXIT else JobState.FAILED
    return Ended(
        job=JobId("1"), state=state, cause=cause, exit_code=0, signal=None, started_at=100.0, ended_at=100.0 + ran_s
    )


async def move_on(world, to):
    """Time passes, and the cards are read again."""
    world.clock.time = to
    await world.engine.sampler.sample()


async def ran(world, *names, who=None, seconds=RUN_S, **fields):
    """Jobs that run so long, one after the other."""
    for name in names:
        job = await world.submit(who, name=name, gpus=1, time_limit_s=LIMIT_S, **fields)
        await world.one_pass()
        began = world.clock.now()
        await move_on(world, began + seconds)
        world.executor.end(job, started_at=began, ended_at=world.clock.now())
    await world.one_pass()


def waiting_keys(world):
    return {group.key.kind: len(group.jobs) for group in world.books.pending.groups()}


async def blocked(world):
    """Both cards are bob's, so that whatever is submitted waits."""
    for _ in range(2):
        await world.submit(world.bob, gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("cause", list(Cause))
def test_only_ends_of_its_own_teach(cause, key):
    times = RunTimes(History())
    for _ in range(3):
        times.ended(key(), "train", over(cause), 100.0)
    assert (times.estimate(key()) is not None) == (cause in TELLING)
    assert {Cause.EXIT, Cause.SIGNAL, Cause.TIME_LIMIT} <= TELLING
    assert not TELLING & {Cause.CANCELLED, Cause.LAUNCH_ERROR, Cause.HOST_REBOOT, Cause.DEPENDENCY}


def test_what_never_started_teaches_nothing(key):
    times = RunTimes(History())
    times.ended(key(), "train", over(), None)
    assert times.version == 0


def test_without_estimates_nothing_is_told(key):
    times = RunTimes()
    times.fill([PastRun(key=key(), name="train", ran_s=RUN_S)] * 5)
    times.ended(key(), "train", over(), 100.0)
    assert not times.learns
    assert times.of([PendingGroup(key(), [Waiting(0.0, JobId("1"))])]) == {}
    assert times.told_apart(key(), "train") is not None
    assert times.told_apart(key(), "train").kind == ""


# ---------------------------------------------------------------- what pending groups are told


class Counting(History):
    """Counts how often it is asked."""

    asked = 0

    def estimate(self, key):
        self.asked += 1
        return super().estimate(key)


def group(key):
    return PendingGroup(key, [Waiting(0.0, JobId("1"))])


def test_only_what_changed_is_looked_up_anew(key):
    history = Counting()
    times = RunTimes(history)
    groups = [group(key(account, priority=1 + at)) for account in ("ann", "bob") for at in range(10)]
    assert times.of(groups) == {}
    history.asked = 0
    assert times.of(groups) == {}
    assert history.asked == 0
    for _ in range(3):
        times.ended(key("ann"), None, over(), 100.0)
    told = times.of(groups)
    assert set(told) == {one.key for one in groups[:10]}
    assert history.asked == 10
    later = [*groups[1:], group(key("ann", gpus=1))]
    assert set(times.of(later)) == {one.key for one in later if one.key.owner.account == "ann"}
    assert history.asked == 11
    assert set(told) == {one.key for one in groups[:10]}, "who holds an earlier answer keeps it"
    assert times.of([]) == {}


def test_many_groups_of_one_account_are_brought_up_to_date_in_turns(key):
    history = Counting()
    times = RunTimes(history)
    groups = [group(key(time_limit_s=1000 + at)) for at in range(3 * REFRESHED)]
    times.of(groups)
    for _ in range(3):
        times.ended(key(time_limit_s=1000), None, over(), 100.0)
    history.asked = 0
    sizes = [len(times.of(groups)) for _ in range(4)]
    assert sizes == [REFRESHED, 2 * REFRESHED, 3 * REFRESHED, 3 * REFRESHED]
    assert history.asked == 3 * REFRESHED


def test_a_group_that_went_and_came_back_is_told_what_is_known_now(key):
    times = RunTimes(History())
    assert times.of([group(key())]) == {}
    assert times.of([]) == {}
    for _ in range(3):
        times.ended(key(), None, over(), 100.0)
    assert times.of([group(key())]) == {key(): RUN_S}


# ---------------------------------------------------------------- in the engine


async def test_a_start_is_leased_and_billed_for_what_such_jobs_took(world):
    await ran(world, "train-1", "train-2", "train-3")
    job = await world.submit(name="train-4", gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()
    live = world.books.live[JobId(str(job))]
    assert live.lease.key.kind == "train-#"
    assert live.lease.expected_end == world.clock.now() + RUN_S == live.bill.until
    planned = await world.jobs.planned(world.ann, 24)
    (item,) = planned.items
    assert (item.end, item.basis) == (live.lease.expected_end, "history")


async def test_a_cancelled_run_teaches_nothing(world):
    await ran(world, "train-1", "train-2")
    job = await world.submit(name="train-3", gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()
    version = world.books.run_times.version
    await world.jobs.cancel(world.ann, job)
    world.executor.end(job, None, cause=Cause.CANCELLED, signal=15)
    await world.one_pass()
    assert await world.state_of(job) == "cancelled"
    assert world.books.run_times.version == version


async def test_why_tells_what_the_expected_run_rests_on(world):
    await ran(world, "train-1", "train-2", "train-3")
    await blocked(world)
    alike = await world.submit(name="train-9", gpus=1, time_limit_s=LIMIT_S)
    other = await world.submit(name="eval", gpus=2, time_limit_s=LIMIT_S // 10)
    bobs = await world.submit(world.bob, gpus=2, time_limit_s=1000)
    await world.one_pass()
    told = await world.jobs.why(world.ann, alike)
    assert (told.run_s, told.runs, told.alike) == (RUN_S, 3, True)
    assert told.score == pytest.approx(told.base * told.fair * told.wait * told.short)
    assert told.short == pytest.approx((3600 / (RUN_S + 600)) ** 0.5)
    assert told.patience_s >= 24 * 3600
    told = await world.jobs.why(world.ann, other)
    assert (told.run_s, told.runs, told.alike) == (60.0, 3, False)
    told = await world.jobs.why(world.bob, bobs)
    assert (told.run_s, told.runs, told.alike) == (1000.0, 0, False)


async def test_a_run_that_outlasts_what_was_expected_is_told_as_longer(world):
    await ran(world, "train-1", "train-2", "train-3")
    running = await world.submit(name="train-4", gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()
    waits = await world.submit(gpus=2, name="both", time_limit_s=LIMIT_S)
    began = world.books.live[JobId(str(running))].lease.started_at

    async def told():
        (holder,) = (await world.jobs.why(world.ann, waits)).holders
        (item,) = [one for one in (await world.jobs.planned(world.ann, 24)).items if one.kind == "running"]
        assert (item.end, item.basis) == (holder.until, holder.basis)
        return holder.until - began, holder.basis

    assert await told() == (RUN_S, "history")
    await move_on(world, began + RUN_S)
    assert await told() == (2 * RUN_S, "history")
    await move_on(world, began + LIMIT_S - 1)
    assert await told() == (LIMIT_S, "time limit")


# ---------------------------------------------------------------- kinds


async def test_names_that_nothing_is_known_of_make_no_groups(world):
    await blocked(world)
    for letter in "abcdefghij":
        await world.submit(name=f"job {letter}", gpus=1)
    assert waiting_keys(world) == {"": 10}


async def test_known_kinds_are_groups_and_elements_share_their_arrays_name(world):
    await ran(world, "train-1")
    await blocked(world)
    await world.submit(name="train-7", gpus=1)
    await world.submit(name="train-88", gpus=1, array="0-4")
    await world.submit(name="other", gpus=1)
    await world.submit(world.bob, name="train-7", gpus=1)
    kinds = {(one.key.owner.account, one.key.kind): len(one.jobs) for one in world.books.pending.groups()}
    assert kinds == {("ann", "train-#"): 6, ("ann", ""): 1, ("bob", ""): 1}


async def test_an_edited_name_is_another_kind(world):
    await ran(world, "train-1", "eval-1")
    await blocked(world)
    job = await world.submit(name="train-7", gpus=1)
    await world.jobs.edit(world.ann, job, {"name": "eval-2"})
    assert waiting_keys(world) == {"eval-#": 1}
    await world.jobs.edit(world.ann, job, {"name": "unheard of"})
    assert waiting_keys(world) == {"": 1}


async def test_a_requeued_job_is_of_its_kind(world):
    await ran(world, "train-1")
    await blocked(world)
    page = await world.store.jobs.page(account="ann")
    await world.jobs.requeue(world.ann, page[0].id)
    assert waiting_keys(world) == {"train-#": 1}


async def test_a_later_engine_knows_what_the_one_before_had_learnt(make, world):
    await ran(world, "train-1", "train-2", "train-3", seconds=RUN_S)
    running = await world.submit(name="train-4", gpus=2, time_limit_s=LIMIT_S)
    await world.one_pass()
    for name in ("train-5", "train-6", "new"):
        await world.submit(name=name, gpus=1, time_limit_s=LIMIT_S)
    await world.submit(name="train-7", gpus=1, time_limit_s=LIMIT_S, array="0-2%1")
    held = await world.submit(name="train-8", gpus=1, time_limit_s=LIMIT_S)
    await world.jobs.hold(world.ann, held)
    before = {one.key: list(one.jobs) for one in world.books.pending.groups()}
    told = dict(world.books.snapshot(world.clock.now()).estimates)
    await world.engine.passes.flush()
    await world.store.close()
    world.executor.found = {JobId(str(running)): None}
    later = await make(world.executor)
    await later.engine.recovery.run()
    assert {one.key: list(one.jobs) for one in later.books.pending.groups()} == before
    assert later.books.snapshot(later.clock.now()).estimates == told
    assert RUN_S in told.values()
    assert later.books.held[JobId(str(held))][0].kind == "train-#"


# ---------------------------------------------------------------- before a job is taken


async def test_a_month_that_the_limit_would_use_up_is_enough_for_the_expected_run(world):
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpu_hours=3.0)))
    asked = JobFields(command=["x"], name="train-1", gpus=1, time_limit_s=LIMIT_S)
    (refused,) = await world.jobs.submit(world.ann, [asked])
    assert isinstance(refused, Refused)
    assert refused.code == "QUOTA_EXCEEDED"
    for number in range(3):
        job = await world.submit(name=f"train-{number}", gpus=1, time_limit_s=7200)
        await world.one_pass()
        await move_on(world, world.clock.now() + 720.0)
        world.executor.end(job, started_at=world.clock.now() - 720.0, ended_at=world.clock.now())
    await world.one_pass()
    await world.submit(name="train-9", gpus=1, time_limit_s=LIMIT_S)


async def test_a_dry_run_goes_by_what_is_known(world):
    await ran(world, "train-1", "train-2", "train-3")
    await world.submit(world.bob, gpus=1, time_limit_s=1000)
    await world.one_pass()
    await world.submit(world.bob, gpus=2, time_limit_s=1000)
    await world.one_pass()
    asked = {"command": ["x"], "gpus": 1, "time_limit_s": 10_000}
    assert (await world.jobs.preview(world.ann, JobFields(**asked, name="train-7"))).starts_now
    assert not (await world.jobs.preview(world.bob, JobFields(**asked, name="train-7"))).starts_now


# ---------------------------------------------------------------- settings


async def test_estimates_can_be_turned_off(make):
    scheduling = SchedulingSettings(cpu_cores=4, memory_mb=1000, estimates=False)
    world = await make(scheduling=scheduling)
    await world.populate()
    await ran(world, "train-1", "train-2", "train-3")
    job = await world.submit(name="train-4", gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()
    lease = world.books.live[JobId(str(job))].lease
    assert (lease.key.kind, lease.expected_end) == ("", lease.limit_end)


async def test_the_quantile_of_the_settings_is_expected(make):
    scheduling = SchedulingSettings(cpu_cores=4, memory_mb=1000, estimate_quantile=1.0)
    world = await make(scheduling=scheduling)
    await world.populate()
    await ran(world, "train-1", "train-2", seconds=100.0)
    await ran(world, "train-3", seconds=900.0)
    job = await world.submit(name="train-4", gpus=1, time_limit_s=LIMIT_S)
    await world.one_pass()
    lease = world.books.live[JobId(str(job))].lease
    assert lease.expected_end - lease.started_at == 900.0


def test_the_settings_make_the_policy():
    scheduling = SchedulingSettings(
        shortness=0.5, starvation_bound_h=2.0, starvation_stretch_h=3.0, promises="limits", promise_window_h=4.0
    )
    policy = policy_of(Settings(scheduling=scheduling))
    assert (policy.shortness, policy.promises) == (0.5, Basis.LIMITS)
    assert (policy.starvation_bound_s, policy.starvation_stretch_s) == (7200.0, 3 * 3600.0)
    assert policy.promise_window_s == 4 * 3600.0
