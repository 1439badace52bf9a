"""A slurmctld that is killed and knows no more that a job began: the end is the one that the job came to."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor.slurm import following, notes
from engine.executor.slurm.executor import SlurmExecutor
from engine.ports import Running
from tests.contract.executor_sides import WAITS, Engine, SlurmSide, launch, until
from tests.slurm.cluster import Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.root]


def set_nodes(cluster: Cluster, state: str) -> None:
    for node in cluster.nodes:
        cluster.scontrol("update", f"nodename={node.name}", f"state={state}", "reason=test")


def state_of(engine: Engine) -> str:
    assert isinstance(engine.executor, SlurmExecutor)
    standing = engine.executor.standing(JobId("1"), 1)
    return "" if standing is None else standing.state


@pytest.mark.parametrize("ends_before", [True, False], ids=["that ends meanwhile", "that runs on"])
async def test_of_a_job(fresh_slurm: Callable[..., Cluster], tmp_path: Path, ends_before: bool) -> None:
    cluster = fresh_slurm()
    side = SlurmSide(tmp_path, cluster)
    engine = await Engine(side).open()
    set_nodes(cluster, "drain")
    starting = asyncio.create_task(engine.executor.start(launch(side, "1", WAITS)))
    await until(lambda: len(side.jobs()) == 1)
    number = cluster.run("squeue", "--noheader", "--format=%A").strip()
    cluster.scontrol("hold", number)
    set_nodes(cluster, "resume")
    await asyncio.to_thread(cluster.stop_controller)
    saved = shutil.copytree(cluster.folder / "state", tmp_path / "saved")
    await asyncio.to_thread(cluster.start_controller)
    cluster.scontrol("release", number)
    assert isinstance(await starting, Running)
    await until(lambda: side.living("1") > 0)
    cluster.kill_controller()
    shutil.rmtree(cluster.folder / "state")
    shutil.copytree(saved, cluster.folder / "state")
    for path in (cluster.folder / "state", *(cluster.folder / "state").rglob("*")):
        shutil.chown(path, "slurm", "slurm")
    if ends_before:
        side.release("1")
        await until(lambda: side.living("1") == 0)
    await asyncio.to_thread(cluster.start_controller)
    if not ends_before:
        await until(lambda: state_of(engine) == "PENDING")
        assert engine.endings == [], "it runs on"
        side.release("1")
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    await until(lambda: side.jobs() == [])
    await engine.executor.close()


async def test_of_one_that_waits_for_an_engine_that_takes_its_time(
    fresh_slurm: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = fresh_slurm()
    side = SlurmSide(tmp_path, cluster)
    engine = await Engine(side).open()
    set_nodes(cluster, "drain")
    one = launch(side, "1", WAITS)
    starting = asyncio.create_task(engine.executor.start(one))
    await until(lambda: (note := notes.read(one.directory, 1)) is not None and note.id is not None)
    starting.cancel()
    await engine.executor.close()
    await asyncio.to_thread(cluster.stop_controller)
    cluster.forget_jobs()
    await asyncio.to_thread(cluster.start_controller)
    await asyncio.to_thread(cluster.wait_idle)
    engine = await Engine(side).open()
    assert await engine.executor.adopt(one.job, 1, one.directory) is None
    await asyncio.sleep(following.WORD_PATIENCE_S + 2.0)  # its files are copied meanwhile
    assert isinstance(await engine.executor.start(one), Running), "handed in once more"
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    await engine.executor.close()
