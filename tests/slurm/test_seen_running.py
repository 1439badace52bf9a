"""What Slurm says to run and loses before anything of it began, while its node was still getting ready."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.executor.slurm import notes
from tests.contract.executor_sides import OK, Engine, SlurmSide, launch
from tests.slurm.cluster import Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.root]


@pytest.mark.parametrize("restarted", [False, True], ids=["by the same engine", "by the next engine"])
async def test_of_a_controller_that_lost_its_books(
    fresh_slurm: Callable[..., Cluster], tmp_path: Path, restarted: bool
) -> None:
    getting_ready = tmp_path / "prolog"
    getting_ready.write_text(f"#!/bin/sh\nuntil [ -e {tmp_path}/ready ]; do sleep 0.05; done\n")
    getting_ready.chmod(0o755)
    cluster = fresh_slurm(further=(f"Prolog={getting_ready}",))
    side = SlurmSide(tmp_path / "state", cluster)
    side.root.mkdir()
    engine = await Engine(side).open()
    one = launch(side, "1", OK)
    assert await engine.executor.start(one) is not None, "Slurm says that it runs"
    await asyncio.to_thread(cluster.stop_controller)
    cluster.forget_jobs()
    if restarted:
        await engine.executor.close()
        engine = await Engine(side).open()
        await engine.executor.adopt(one.job, 1, one.directory)
    await asyncio.to_thread(cluster.start_controller)
    ending = await engine.end_of("1")
    (tmp_path / "ready").touch()
    assert (ending.cause, ending.started_at) == (Cause.PREEMPTED, None), "its next attempt runs"
    assert notes.is_claimed(one.directory, 1), "and this one never will"
    await engine.executor.close()
