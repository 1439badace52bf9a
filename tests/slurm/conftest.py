"""An executor on a real Slurm, for tests of what goes wrong there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.contract.executor_sides import Engine, SlurmSide
from tests.slurm.cluster import Cluster


@pytest_asyncio.fixture
async def side(slurm: Cluster, tmp_path: Path) -> SlurmSide:
    return SlurmSide(tmp_path, slurm)


@pytest_asyncio.fixture
async def engine(side: SlurmSide) -> AsyncIterator[Engine]:
    made = await Engine(side).open()
    yield made
    await made.executor.close()
