"""What a job that ran out of GPU memory is tried again with, and where it is not; sharers over what they asked for."""

import pytest

from config.settings import GpuSettings, SimulatedCard
from engine.api.asks import AccountChange
from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.protocol.people import QuotaView

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
SMALL, LARGE = 24_000, 48_000


def cards(**more):
    made = (SimulatedCard(memory_mb=SMALL), SimulatedCard(memory_mb=LARGE))
    return GpuSettings(provider="simulated", **{"simulated": made, **more})


@pytest.fixture
def opened(make):
    async def one(**more):
        world = await make(gpu=cards(**more))
        await world.populate()
        return world

    return one


async def started(world, **fields):
    """A job that runs, after a reading of its cards."""
    number = await world.submit(**{"gpus": 1, **fields})
    await world.one_pass()
    assert world.executor.launched[-1].job == str(number)
    await sampled(world)
    return number


async def sampled(world):
    world.clock.time += 2.0
    await world.engine.sampler.sample()


async def failed(world, until, number, text=OOM, *, attempt=1):
    """The attempt's output, and its end; until the engine knows what it was."""
    launch = world.executor.launched[-1]
    with (launch.directory / "stderr.log").open("a") as log:
        log.write(text)
    world.executor.end(number, 1, attempt=attempt)
    await until(lambda: JobId(str(number)) not in world.books.live)


async def shown(world, number):
    await world.engine.passes.flush()
    return await world.jobs.show(world.root, number)


async def test_the_cause_is_told_with_the_line(opened, until):
    world = await opened(oom_retry="off")
    number = await started(world)
    await failed(world, until, number)
    job = await shown(world, number)
    assert (job.state, job.cause, job.exit_code) == ("failed", "gpu-out-of-memory", 1)
    assert job.message == f"it ran out of GPU memory: {OOM.strip()}"


@pytest.mark.parametrize(
    ("fields", "exit_code", "cause"),
    [({"gpus": 1}, 0, "exit"), ({"gpus": 0}, 1, "exit")],
    ids=["a good end", "no cards"],
)
async def test_it_takes_cards_and_a_bad_end(opened, fields, exit_code, cause):
    world = await opened()
    number = await world.submit(**fields)
    await world.one_pass()
    (world.executor.launched[-1].directory / "stderr.log").write_text(OOM)
    world.executor.end(number, exit_code)
    assert JobId(str(number)) not in world.books.live  # at once: there was nothing to look at
    assert (await shown(world, number)).cause == cause


async def test_a_sharer_asks_for_half_as_much_again_and_everybody_sees_it(opened, until):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=16_384)
    await failed(world, until, number)
    job = await shown(world, number)
    assert (job.state, job.gpu_memory_mb, job.gpu_share, job.attempt) == ("pending", 24_576, True, 1)
    assert job.message == f"attempt 1 ran out of GPU memory ({OOM.strip()}); attempt 2 asks for 24 GiB"
    assert [one.cause for one in job.attempts] == ["gpu-out-of-memory"]
    await world.one_pass()
    assert world.executor.launched[-1].lease.key.shape.gpu_memory_mb == 24_576
    assert world.executor.launched[-1].attempt == 2


async def test_what_it_was_measured_to_have_counts_where_that_is_more(opened, until):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=1_000, tags={"sim_memory_mb": "8000"})
    await sampled(world)
    await failed(world, until, number)
    assert (await shown(world, number)).gpu_memory_mb == 12_032


async def test_a_sharer_that_needs_more_than_a_card_gets_a_whole_one(opened, until):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=40_000)
    await failed(world, until, number)
    job = await shown(world, number)
    assert (job.gpu_share, job.gpu_memory_mb) == (False, LARGE)
    assert job.message.endswith("attempt 2 asks for a GPU of its own with 46.88 GiB")


async def test_alone_is_a_whole_card(opened, until):
    world = await opened(oom_retry="alone")
    number = await started(world, gpu_share=True, gpu_memory_mb=10_000)
    await failed(world, until, number)
    job = await shown(world, number)
    assert (job.state, job.gpu_share, job.gpu_memory_mb) == ("pending", False, 15_104)


async def test_whoever_had_a_whole_card_gets_a_larger_one_and_then_no_more(opened, until):
    world = await opened(oom_retries=5)
    number = await started(world)
    assert world.books.cards.indices(world.executor.launched[-1].lease.gpus) == [0]
    await failed(world, until, number)
    assert (await shown(world, number)).gpu_memory_mb == SMALL + 1
    await world.one_pass()
    assert world.books.cards.indices(world.executor.launched[-1].lease.gpus) == [1]
    await failed(world, until, number, attempt=2)
    job = await shown(world, number)
    assert (job.state, job.cause) == ("failed", "gpu-out-of-memory")
    assert job.message.endswith("it had all 46.88 GiB of GPU 1, and no GPU here that matches has more")


async def test_the_line_of_an_earlier_attempt_is_not_the_later_ones(opened, until):
    world = await opened(oom_retries=5)
    number = await started(world, gpu_share=True, gpu_memory_mb=1_000)
    await failed(world, until, number)
    await world.one_pass()
    await failed(world, until, number, "KeyError: 'loss'\n", attempt=2)
    job = await shown(world, number)
    assert (job.state, job.cause) == ("failed", "exit")


async def test_after_so_many_times_its_own_retries_go_on(opened, until):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=1_000, retries=1)
    for attempt, memory_mb in ((1, 1_536), (2, 1_536)):
        await failed(world, until, number, attempt=attempt)
        job = await shown(world, number)
        assert (job.state, job.gpu_memory_mb) == ("pending", memory_mb)
        await world.one_pass()
    assert "retry 1 of 1" in job.message
    await failed(world, until, number, attempt=3)
    assert (await shown(world, number)).state == "failed"


async def test_a_quota_that_forbids_the_larger_request_is_told(opened, until):
    world = await opened()
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(gpu_memory_mb=20_000)))
    number = await started(world, gpu_share=True, gpu_memory_mb=16_000)
    await failed(world, until, number)
    job = await shown(world, number)
    assert (job.state, job.gpu_memory_mb) == ("failed", 16_000)
    assert "no attempt with 23.5 GiB: The quota never allows it: gpu_memory_mb 24064 of at most 20000" in job.message


async def test_a_restart_in_between_keeps_request_count_and_message(opened, make, until):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=16_384)
    await failed(world, until, number)
    told = (await shown(world, number)).message
    await world.store.close()
    new = await make(gpu=cards())
    await new.engine.recovery.run()
    assert (await new.jobs.show(new.root, number)).message == told
    await new.one_pass()
    live = new.books.live[JobId(str(number))]
    assert (live.attempt, live.oom_retries, live.lease.key.shape.gpu_memory_mb) == (2, 1, 24_576)


async def test_an_element_of_an_array_keeps_its_cap_and_its_siblings_their_request(opened, until):
    world = await opened()
    number = await world.submit(gpus=1, gpu_share=True, gpu_memory_mb=2_000, array="0-1%1")
    await world.one_pass()
    await failed(world, until, number)
    job, sibling = await shown(world, number), await world.jobs.show(world.root, number + 1)
    assert (job.gpu_memory_mb, sibling.gpu_memory_mb) == (3_072, 2_000)
    key = world.books.pending.key_of(JobId(str(number)))
    assert key.array is not None and key.array.most == 1


async def test_a_sharer_over_what_it_asked_for_is_named_and_counts_in_the_plan(opened):
    world = await opened(simulated=(SimulatedCard(memory_mb=SMALL),))
    number = await started(world, gpu_share=True, gpu_memory_mb=4_000, tags={"sim_memory_mb": "15000"})
    (notice,) = await notices(world, number)
    assert (notice["code"], notice["declared_mb"], notice["used_mb"], notice["index"], notice["action"]) == (
        "GPU_OVER_DECLARED", 4_000, 15_000, 0, "warn",
    )  # fmt: skip
    other = await world.submit(world.bob, gpus=1, gpu_share=True, gpu_memory_mb=10_000)
    await world.one_pass()
    assert await world.state_of(other) == "pending"
    why = await world.jobs.why(world.bob, other)
    assert "GPU_MEMORY_TAKEN" in [reason["code"] for reason in why.reasons]
    smaller = await world.submit(world.bob, gpus=1, gpu_share=True, gpu_memory_mb=9_000)
    await world.one_pass()
    assert await world.state_of(smaller) == "running"
    world.executor.end(number)
    await sampled(world)
    assert await notices(world, number) == []


async def test_a_little_more_is_nobodys_fault(opened):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=4_000, tags={"sim_memory_mb": "4456"})
    assert await notices(world, number) == []


async def test_it_is_over_when_it_gives_the_memory_back(opened):
    world = await opened()
    number = await started(world, gpu_share=True, gpu_memory_mb=4_000, tags={"sim_memory_mb": "9000"})
    assert len(await notices(world, number)) == 1
    world.books.live[JobId(str(number))].memory_mb = 3_000
    await sampled(world)
    assert await notices(world, number) == []


async def test_by_policy_it_is_stopped_and_tried_again_with_more(opened, until, ending):
    world = await opened(over_declared="stop")
    number = await started(world, gpu_share=True, gpu_memory_mb=4_000, tags={"sim_memory_mb": "8000"})
    await until(lambda: world.executor.stopped == [(str(number), Cause.GPU_OUT_OF_MEMORY)])
    world.executor.end(number, None, cause=Cause.GPU_OUT_OF_MEMORY, signal=15)
    job = await shown(world, number)
    assert (job.state, job.gpu_memory_mb) == ("pending", 12_032)
    assert job.message == (
        "attempt 1 ran out of GPU memory (it was stopped: it shared GPU 0 with 4000 MiB asked for and used 8000 MiB); "
        "attempt 2 asks for 11.75 GiB"
    )
    assert len(world.executor.stopped) == 1


async def notices(world, number):
    """What its owner is told of a running job."""
    return (await world.jobs.show(world.ann, number)).notices
