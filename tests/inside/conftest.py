"""Tests that run inside a machine with a booted systemd, as root: `pytest tests/inside` there, and nowhere else.

The tests are root with the effective rights of the engine's user: so the launcher hears them, and what they start as
somebody else they still may.
"""

import os
import pwd
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.executor_sides import Engine, Side, until
from tests.inside.systemd_side import SystemdSide

STATE = Path("/var/lib/rcq-tests")


@pytest.fixture(autouse=True)
def engines_rights() -> Iterator[None]:
    """The rights of the user `rcq`."""
    who = pwd.getpwnam("rcq")
    os.setegid(who.pw_gid)
    os.seteuid(who.pw_uid)
    yield
    os.seteuid(0)
    os.setegid(0)


@pytest_asyncio.fixture
async def side(engines_rights: None) -> AsyncIterator[Side]:
    """A machine without jobs; at the end nothing that a test started may be left."""
    os.seteuid(0)
    shutil.rmtree(STATE, ignore_errors=True)
    os.mkdir(STATE, 0o711)  # noqa: PTH102 - it takes no time
    who = pwd.getpwnam("rcq")
    os.chown(STATE, who.pw_uid, who.pw_gid)
    os.seteuid(who.pw_uid)
    made = SystemdSide(STATE)
    yield made
    try:
        await until(lambda: not made.processes())
    finally:
        left = made.units()
        await made.clear()
        print(left)


@pytest_asyncio.fixture
async def engine(side: Side) -> AsyncIterator[Engine]:
    made = await Engine(side).open()
    yield made
    await made.executor.close()
