"""An open store on a file of its own, and waiting for a condition."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.store.store import Store

HALF_LIFE_S = 100.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, or will be."""
    return tmp_path / "rcq.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """An empty store, closed afterwards."""
    store = Store.open(path, half_life_s=HALF_LIFE_S)
    yield store
    await store.close()


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Give the loop its turn until the condition holds; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.001)
