"""Where a lease is, and on which machine of a cluster: kept with the job and each of its attempts, over restarts."""

from dataclasses import replace

from engine.bookkeeping import Ended, Moved, Scheduled, Started, Stopping
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import CLUSTER
from engine.store.store import Store
from tests.store.samples import BOOT, ended, lease_of, new_job


async def one(store: Store) -> JobId:
    [number] = await store.jobs.add([new_job(1)])
    assert number is not None
    return number


async def test_a_lease_on_the_cluster_survives_a_restart_as_slurm_gave_it(store: Store) -> None:
    job = await one(store)
    planned = replace(lease_of(job, "slurm/n1/a100/0"), place=CLUSTER)
    given = replace(planned, gpus=(GpuUuid("slurm/n2/a100/1"),), started_at=9000.0, expected_end=12_600.0)
    await store.jobs.record([Scheduled(lease=planned, attempt=1, boot_id=BOOT)])
    [known] = store.jobs.unended()
    assert (known.lease, known.node) == (planned, None)
    await store.jobs.record([Started(job=job, started_at=9000.0, node="n2", lease=given)])
    [known] = store.jobs.unended()
    assert (known.lease, known.node, known.state) == (given, "n2", JobState.RUNNING)


async def test_each_attempt_tells_where_it_ran(store: Store) -> None:
    job = await one(store)
    lease = replace(lease_of(job, "slurm/n1/a100/0"), place=CLUSTER)
    await store.jobs.record([Scheduled(lease=lease, attempt=1, boot_id=BOOT)])
    late = Ended(
        job=job, state=JobState.PREEMPTED, cause=Cause.PREEMPTED, exit_code=None, signal=15, started_at=1.0,
        ended_at=2.0, node="n7", gpus=(GpuUuid("slurm/n7/a100/3"),),
    )  # fmt: skip
    await store.jobs.record([late, Moved(job=job, state=JobState.PENDING)])
    waits = await store.jobs.job(int(job))
    assert waits is not None
    assert (waits.place, waits.node) == ("", None)
    home = Scheduled(lease=lease_of(job, "GPU-1"), attempt=2, boot_id=BOOT)
    await store.jobs.record([home, Started(job=job, started_at=3.0), ended(job)])
    stored = await store.jobs.job(int(job))
    assert stored is not None
    assert [(one.place, one.node, one.gpu_uuids) for one in stored.attempts] == [
        (CLUSTER, "n7", ("slurm/n7/a100/3",)),
        ("", None, ("GPU-1",)),
    ]
    assert (stored.place, stored.node) == ("", None)


async def test_that_a_job_is_held_once_it_stopped_is_on_disk_until_then(store: Store) -> None:
    job = await one(store)
    await store.jobs.record([Scheduled(lease=replace(lease_of(job), place=CLUSTER), attempt=1, boot_id=BOOT)])
    await store.jobs.record([Stopping(job=job, cause=Cause.PREEMPTED, message="taken back", held_next=True)])
    [known] = store.jobs.unended()
    assert (known.stopping, known.held_next, known.stop_message) == (Cause.PREEMPTED, True, "taken back")
    over = Ended(
        job=job, state=JobState.PREEMPTED, cause=Cause.PREEMPTED, exit_code=None, signal=None, started_at=None,
        ended_at=2.0,
    )  # fmt: skip
    back, held = (Moved(job=job, state=state) for state in (JobState.PENDING, JobState.HELD))
    await store.jobs.record([over, back, held])
    [known] = store.jobs.unended()
    assert (known.state, known.stopping, known.held_next) == (JobState.HELD, None, False)
