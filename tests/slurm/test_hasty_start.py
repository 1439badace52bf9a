"""An engine that starts while Slurm does not answer takes up what it has there without waiting for each."""

import asyncio
from pathlib import Path

import pytest

from engine.executor.slurm import notes
from engine.executor.slurm.notes import Note
from tests.contract.executor_sides import OK, Engine, SlurmSide, launch
from tests.slurm.cluster import Cluster

pytestmark = pytest.mark.slurm
WITHIN_S = 30.0
"""Less than one time-out of Slurm's commands."""


async def test_it_takes_up_many_at_once(slurm: Cluster, tmp_path: Path) -> None:
    tools = slurm.commands(tmp_path / "bin")
    (tools / "squeue").unlink()
    (tools / "squeue").write_text("#!/bin/sh\nsleep 60\n")
    (tools / "squeue").chmod(0o755)
    side = SlurmSide(tmp_path / "state", slurm, bin_dir=tools, timeout_s=20.0)
    side.root.mkdir()
    engine = await Engine(side).open()
    async with asyncio.timeout(WITHIN_S):
        for job in ("1", "2", "3"):
            one = launch(side, job, OK)
            notes.write(one.directory, 1, Note(name=f"rcq-00000000-{job}.1", asked_at=1.0, id=int(job), started_at=2.0))
            running = await engine.executor.adopt(one.job, 1, one.directory)
            assert running is not None
            assert running.started_at == 2.0
    await engine.executor.close()
