"""A cluster beside this host, or instead of it: what is taken in, what is refused, and what people are told."""

import pytest
import pytest_asyncio

from config.settings import ExecutorSettings, SchedulingSettings
from engine.api.asks import Adopted, GroupChange
from engine.core.quota import Quota
from engine.core.snapshot import Host, NodeRoom
from engine.daemon.capacity import Capacity
from engine.daemon.containment import Containment
from engine.daemon.fitness import Fitness
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.readings import GpuReading

NODES = (NodeRoom(name="n1", cpu_cores=16, memory_mb=64_000), NodeRoom(name="n2", cpu_cores=8, memory_mb=32_000))
AFTER_S = 1800.0


class Cluster:
    """What the books take for one. The test says what is known of it."""

    def __init__(self, world):
        self.world = world
        self.nodes = ()

    def host(self):
        cores, memory_mb = sum(one.cpu_cores for one in self.nodes), sum(one.memory_mb for one in self.nodes)
        return Host(cpu_cores=cores, memory_mb=memory_mb, nodes=self.nodes)

    def is_read(self, memory_mb=80_000):
        """n1 has four h100, n2 two."""
        self.nodes = NODES
        now = self.world.clock.now()
        readings = [
            GpuReading(
                uuid=f"slurm/{node}/h100/{at}",
                index=10 * of + at,
                model="h100",
                memory_mb=memory_mb,
                node=node,
                read_at=now,
            )
            for of, (node, count) in enumerate((("n1", 4), ("n2", 2)), 1)
            for at in range(count)
        ]
        self.world.books.cards.update(readings, {})


def joined(world, *, alone):
    cluster = Cluster(world)
    world.books.capacity = Capacity(host=cluster.host, alone=alone, ahead=2, after_s=AFTER_S)
    return cluster


@pytest_asyncio.fixture
async def world(world):
    """One whose own two cards are read."""
    await world.engine.sampler.sample()
    return world


@pytest.fixture
def beside(world):
    return joined(world, alone=False)


@pytest.fixture
def alone(world):
    return joined(world, alone=True)


async def refused(world, **fields):
    (answer,) = await world.jobs.submit(world.ann, [JobFields(**{"command": ["true"], **fields})])
    assert isinstance(answer, Refused)
    return answer


def key_of(world, number):
    return world.books.pending.key_of(str(number)) or world.books.held[str(number)][0]


# ---------------------------------------------------------------- the field


async def test_leave_to_run_anywhere_is_in_the_queue_in_show_and_after_a_restart(world, make):
    number = await world.submit(anywhere=True)
    plain = await world.submit()
    shown = await world.jobs.show(world.ann, number)
    assert (shown.anywhere, shown.place) == (True, "")  # where there is no cluster it is leave all the same
    assert key_of(world, number).anywhere
    assert not key_of(world, plain).anywhere
    await world.store.close()
    again = await make()
    await again.engine.recovery.run()
    assert key_of(again, number).anywhere
    assert not key_of(again, plain).anywhere


async def test_it_is_given_and_taken_back_by_an_edit_and_in_the_audit_log(world):
    number = await world.submit()
    await world.jobs.edit(world.ann, number, {"anywhere": True})
    assert key_of(world, number).anywhere
    assert (await world.jobs.show(world.ann, number)).anywhere
    entry = (await world.store.audit.page())[0].entry
    assert entry.detail["after"] == {"anywhere": True}
    await world.jobs.edit(world.ann, number, {"anywhere": None})
    assert not key_of(world, number).anywhere


async def test_jobs_that_may_run_anywhere_learn_from_the_same_runs(world):
    number = await world.submit(anywhere=True)
    other = await world.submit()
    mine, theirs = key_of(world, number), key_of(world, other)
    for _ in range(3):
        world.books.run_times._learn(theirs, "x", 600.0)
    assert world.books.run_times.estimate(mine) == world.books.run_times.estimate(theirs)
    assert world.books.run_times.estimate(mine).run_s == 600.0


# ---------------------------------------------------------------- could it ever be held


async def test_what_only_a_node_can_hold_is_refused_here_and_told_of_anywhere(world, beside):
    beside.is_read()
    no = await refused(world, gpus=3)
    assert no.code == "IMPOSSIBLE_REQUEST"
    assert "This host can never hold it: gpus 3 of at most 2." in no.message
    assert "With --anywhere" in no.message
    assert no.details[0]["field"] == "gpus"
    assert await world.submit(gpus=3, anywhere=True)


async def test_what_neither_can_hold_is_refused_with_both(world, beside):
    beside.is_read()
    no = await refused(world, gpus=5, anywhere=True)  # six there are, and four in one machine
    assert (
        "This host can never hold it: gpus 5 of at most 2. Nor can a node of Slurm: gpus 5 of at most 4." in no.message
    )


async def test_cards_of_the_cluster_are_none_of_this_hosts(world, beside):
    beside.is_read()
    no = await refused(world, gpus=1, gpu_type="h100")
    assert "1 of at most 0 GPUs of type h100" in no.message


async def test_what_a_cluster_that_was_never_read_may_hold_is_taken_in(world, beside):
    number = await world.submit(gpus=3, anywhere=True)
    await refused(world, gpus=3)
    await world.one_pass()
    why = await world.jobs.why(world.ann, number)
    assert "CLUSTER_UNKNOWN" in [reason["code"] for reason in why.reasons]
    beside.is_read()
    again = await world.jobs.why(world.ann, number)
    assert again.reasons == []  # it may go now, and the next pass sends it


async def test_where_everything_runs_on_a_cluster_its_nodes_decide(world, alone):
    number = await world.submit(gpus=9)  # nothing is known of it
    await world.one_pass()
    assert [reason["code"] for reason in (await world.jobs.why(world.ann, number)).reasons] == ["CLUSTER_UNKNOWN"]
    alone.is_read()
    assert await world.submit(gpus=4, cpu_cores=16)
    no = await refused(world, gpus=5)
    assert no.message == "No node of Slurm can ever hold it: gpus 5 of at most 4. Ask for less."
    no = await refused(world, cpu_cores=20)
    assert "cpu_cores 20 of at most 16" in no.message


async def test_figures_of_the_box_count_cards_cores_and_memory_of_one_place(world, beside):
    beside.is_read()
    stats = await world.box.stats(world.ann)
    assert (stats.gpus_total, stats.cpu_cores_total) == (2, world.books.host.cpu_cores)


async def test_and_of_the_cluster_where_everything_runs_there(world, alone):
    alone.is_read()
    stats = await world.box.stats(world.ann)
    assert (stats.gpus_total, stats.cpu_cores_total) == (6, sum(one.cpu_cores for one in NODES))


async def test_cards_of_which_nobody_said_how_much_memory_they_have(world, alone):
    alone.is_read(memory_mb=0)
    assert await world.submit(gpus=1)
    no = await refused(world, gpus=1, gpu_memory_mb=1000)
    assert "1000 of cards whose memory an admin did not say (slurm.cards.TYPE.memory_mb)" in no.message


async def test_a_quota_that_never_allows_it_is_told_where_it_would_run(world, beside):
    beside.is_read()
    await world.people.change_group(world.root, "bio", GroupChange(quota=Quota(gpus_by_type={"h100": 1})))
    no = await refused(world, gpus=3, anywhere=True)
    assert no.code == "QUOTA_EXCEEDED"


# ---------------------------------------------------------------- what Slurm does not take


@pytest.mark.parametrize(
    ("field", "fields", "instead"),
    [
        ("gpu_share", {"gpus": 1, "gpu_memory_mb": 100, "gpu_share": True}, "leave gpu_share out"),
        ("gpu_power_w", {"gpus": 1, "gpu_power_w": 200}, "leave gpu_power_w out"),
        ("foreground", {"foreground": "/run/user/1/s"}, "srun"),
    ],
)
async def test_what_slurm_does_not_take_is_refused_with_what_to_do_instead(world, alone, field, fields, instead):
    alone.is_read()
    no = await refused(world, **fields)
    assert (no.code, no.details[0]["field"]) == ("VALIDATION_ERROR", field)
    assert instead in no.message


async def test_nor_does_an_edit_ask_for_it(world, alone):
    alone.is_read()
    number = await world.submit(gpus=1)
    with pytest.raises(Refused, match="Slurm gives whole GPUs"):
        await world.jobs.edit(world.ann, number, {"gpu_share": True, "gpu_memory_mb": 100})


async def test_nothing_of_that_is_refused_beside_a_cluster(world, beside):
    beside.is_read()
    assert await world.submit(gpus=1, gpu_memory_mb=100, gpu_share=True)


@pytest.mark.parametrize(("container", "codes"), [("auto", [None, None]), ("podman", [None, "IMPOSSIBLE_REQUEST"])])
def test_an_image_goes_anywhere_only_where_apptainer_may_run_it(world, beside, programs, container, codes):
    fitness = Fitness(books=world.books, containment=Containment(ExecutorSettings(container=container), cards=True))
    fitness.refresh()
    found = [
        fitness.refusal(JobFields(command=["true"], image="ubuntu", anywhere=anywhere)) for anywhere in (False, True)
    ]
    assert [one and one.code for one in found] == codes
    assert all("apptainer" in one.message for one in found if one)


def test_where_everything_runs_on_a_cluster_what_this_host_has_for_images_is_of_no_account(world, alone, programs):
    (programs / "podman").unlink()
    for container, refused_ in (("auto", False), ("apptainer", False), ("docker", True)):
        fitness = Fitness(books=world.books, containment=Containment(ExecutorSettings(container=container), cards=True))
        fitness.refresh()
        assert (fitness.refusal(JobFields(command=["true"], image="ubuntu")) is not None) is refused_


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """This host has podman alone."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "podman").write_text("#!/bin/sh\n")
    (folder / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_no_process_is_adopted_where_every_job_runs_on_a_cluster(world, alone):
    with pytest.raises(Refused, match="runs on Slurm here") as told:
        await world.jobs.adopt(world.root, Adopted(pid=1))
    assert told.value.code == "INVALID_STATE"


# ---------------------------------------------------------------- what people are told


async def test_a_job_that_waits_is_told_when_it_goes_to_the_cluster_each_its_own_time(make):
    world = await make(scheduling=SchedulingSettings(cpu_cores=4, memory_mb=1000, reservations=1))
    await world.populate()
    await world.engine.sampler.sample()
    joined(world, alone=False).is_read()
    await world.submit(gpus=2, time_limit_s=600)
    await world.submit(gpus=2, time_limit_s=600)  # has the only promise
    await world.one_pass()
    first = await world.submit(gpus=1, anywhere=True, time_limit_s=10_000)
    world.clock.time += 2
    second = await world.submit(gpus=1, anywhere=True, time_limit_s=10_000)
    world.clock.time += 1
    await world.one_pass()
    submitted = {number: (await world.jobs.show(world.ann, number)).submitted_at for number in (first, second)}
    for number in (first, second):
        (row,) = [one for one in (await world.jobs.show(world.ann, number)).reasons if one["code"] == "GOES_TO_CLUSTER"]
        assert row == {"code": "GOES_TO_CLUSTER", "at": submitted[number] + AFTER_S, "after_s": AFTER_S}


async def test_a_preview_says_that_it_would_go_to_the_cluster(world, beside):
    beside.is_read()
    before = await world.jobs.preview(world.ann, JobFields(command=["true"], gpus=4, anywhere=True))
    assert (before.starts_now, before.place) == (True, "slurm")
    here = await world.jobs.preview(world.ann, JobFields(command=["true"], gpus=1, anywhere=True))
    assert (here.starts_now, here.place) == (True, "")


async def test_what_helps_a_job_that_finds_no_room_here_is_leave_to_run_anywhere(world, beside):
    beside.is_read()
    await world.submit(gpus=2, time_limit_s=36_000)
    await world.one_pass()
    told = await world.jobs.preview(world.ann, JobFields(command=["true"], gpus=1))
    assert [change["code"] for change in told.helps[0]["changes"]] == ["ANYWHERE"]


async def test_what_waited_here_and_slurm_does_not_take_ends_with_words_once_all_goes_there(world):
    number = await world.submit(gpus=1, gpu_memory_mb=100, gpu_share=True)
    joined(world, alone=True).is_read()
    await world.one_pass()
    ended = await world.jobs.show(world.ann, number)
    assert (ended.state, ended.cause) == ("failed", "launch-error")
    assert "Slurm gives whole GPUs" in ended.message
    assert world.executor.launched == []
