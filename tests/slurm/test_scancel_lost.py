"""What the slurm executor cancels of its own accord is told to Slurm until Slurm has heard it."""

import asyncio
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.executor.slurm import notes
from tests.contract.executor_sides import TREE, WAITS, Engine, SlurmSide, launch, until
from tests.slurm.cluster import Cluster

pytestmark = pytest.mark.slurm
BREAKS_OFF = """#!/bin/sh
mkdir {once} 2>/dev/null && {{ echo "scancel: error: Socket timed out on send/recv operation" >&2; exit 1; }}
exec {bin_dir}/scancel "$@"
"""


@pytest.fixture
def side(slurm: Cluster, tmp_path: Path) -> SlurmSide:
    """Its first scancel does not come through."""
    tools = slurm.commands(tmp_path / "bin")
    (tools / "scancel").unlink()
    (tools / "scancel").write_text(BREAKS_OFF.format(once=tmp_path / "once", bin_dir=slurm.bin_dir))
    (tools / "scancel").chmod(0o755)
    made = SlurmSide(tmp_path / "state", slurm, bin_dir=tools)
    made.root.mkdir()
    return made


async def test_of_what_slurm_put_back_into_its_queue(side: SlurmSide) -> None:
    engine = await Engine(side).open()
    one = launch(side, "1", WAITS)
    assert await engine.executor.start(one) is not None
    note = notes.read(one.directory, 1)
    assert note is not None
    await asyncio.to_thread(side.cluster.scontrol, "update", f"jobid={note.id}", "requeue=1")
    await asyncio.to_thread(side.cluster.scontrol, "requeuehold", str(note.id))
    assert (await engine.end_of("1")).cause is Cause.PREEMPTED
    await engine.executor.close()


async def test_of_what_the_books_do_not_know(side: SlurmSide) -> None:
    engine = await Engine(side).open()
    await engine.executor.start(launch(side, "1", TREE))
    await engine.executor.close()
    engine = await Engine(side).open()
    await engine.executor.sweep(lambda job, attempt: False)
    await until(lambda: side.jobs() == [])
    await engine.executor.close()
