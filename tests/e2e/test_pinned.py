"""Jobs on cores of their own: what a job may use, over an engine's restart, and what is free again after it."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import SETTINGS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPU cores"),
]
PINNED = SETTINGS + "pin_cores = true\n"  # its last group is [executor]
USABLE = "import os; print(*sorted(os.sched_getaffinity(0)))"


def pinned(admin: Any, number: int, until: Callable[..., Any]) -> set[int]:
    """The cores that the job says it may use."""
    return {int(core) for core in until(lambda: admin.log(number).strip()).split()}


def test_each_job_has_its_core_also_after_a_restart(launch: Callable[..., Any], until: Callable[..., Any]) -> None:
    engine = launch(PINNED)
    admin = engine.admin()
    told = f"python3 -c '{USABLE}'; sleep 300"
    first = admin.script(told)
    one = pinned(admin, first, until)
    assert len(one) == 1

    engine.end(signal.SIGKILL)
    engine.start()
    admin.wait_for(first, "running")
    second = admin.script(told)
    other = pinned(admin, second, until)
    assert len(other) == 1
    assert not one & other

    admin.ask("DELETE", f"/v1/jobs/{first}")
    admin.ended(first)
    third = admin.script(told)
    assert pinned(admin, third, until) != other
