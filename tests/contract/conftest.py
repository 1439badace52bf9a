"""A host and an engine's executor on it, fake and real."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.executor_sides import Engine, FakeSide, RealSide, Side, SlurmSide, processes_of, until

SLURM = pytest.param("slurm", marks=pytest.mark.slurm)


def _side(kind: str, root: Path, request: pytest.FixtureRequest) -> Side:
    if kind == "slurm":
        return SlurmSide(root, request.getfixturevalue("slurm"))
    return FakeSide(root) if kind == "fake" else RealSide(root)


@pytest_asyncio.fixture(params=["fake", "process", SLURM])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    """A host without jobs; at the end nothing that a test started may be left."""
    root = tmp_path / "state"
    root.mkdir()
    yield _side(request.param, root, request)
    try:
        await until(lambda: not processes_of(root))
    finally:
        for pid in processes_of(root):
            os.kill(pid, signal.SIGKILL)


@pytest_asyncio.fixture
async def engine(side: Side) -> AsyncIterator[Engine]:
    made = await Engine(side).open()
    yield made
    await made.executor.close()
