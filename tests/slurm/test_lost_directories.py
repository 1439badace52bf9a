"""The slurm executor and jobs that take away what the engine keeps of them: each has an end all the same."""

import asyncio
import shutil

import pytest

from engine.core.lifecycle import Cause
from engine.executor.slurm import notes
from tests.contract.executor_sides import Engine, SlurmSide, launch, until

pytestmark = pytest.mark.slurm
AT_ONCE = ("sh", "-c", 'rm -rf "$PWD"; exit 3')


async def test_a_job_that_removes_its_directory_and_ends(side: SlurmSide, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", AT_ONCE))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    assert ending.started_at is not None


async def test_a_job_that_removes_its_directory_and_runs_on(side: SlurmSide, engine: Engine) -> None:
    go = side.root / "go"
    runs_on = ("sh", "-c", f'rm -rf "$PWD"; until [ -e {go} ]; do sleep 0.05; done; exit 3')
    assert await engine.executor.start(launch(side, "1", runs_on)) is not None
    await until(lambda: not (side.root / "jobs" / "1").exists())
    go.touch()
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    assert ending.started_at is not None


async def test_a_job_that_puts_a_file_in_its_directorys_place(side: SlurmSide, engine: Engine) -> None:
    replaces = ("sh", "-c", 'rm -rf "$PWD" && : >"$PWD"; exit 3')
    await engine.executor.start(launch(side, "1", replaces))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    assert ending.started_at is not None


async def test_a_job_whose_directory_goes_before_it_begins(side: SlurmSide, engine: Engine) -> None:
    for node in side.cluster.nodes:
        side.cluster.scontrol("update", f"nodename={node.name}", "state=drain", "reason=test")
    one = launch(side, "1", AT_ONCE)
    starting = asyncio.create_task(engine.executor.start(one))
    await until(lambda: (note := notes.read(one.directory, 1)) is not None and note.id is not None)
    shutil.rmtree(side.root / "jobs" / "1")
    for node in side.cluster.nodes:
        side.cluster.scontrol("update", f"nodename={node.name}", "state=resume")
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.started_at) == (Cause.LAUNCH_ERROR, None, None)
    starting.cancel()
