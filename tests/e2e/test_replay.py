"""`rcq replay` on the database of a real engine: while it runs, and after it was killed."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.daemon.replay import read
from engine.store.decisions import logged

pytestmark = pytest.mark.e2e


def replay(state: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rcq_tui.cli.main", "replay", "--database", str(state / "rcq.db"), *options]
    env = {**os.environ, "PYTHONHASHSEED": str(os.getpid())}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_whatever_was_started_is_on_record_and_is_decided_again_the_same(
    engine: Any, admin: Any, until: Callable[..., Any]
) -> None:
    dice = random.Random(3)
    someone = engine.someone(admin, "bob", "chem")
    for _ in range(40):
        dice.choice([admin, someone]).script(
            "exit 0", gpus=dice.choice([0, 1, 2]), cpu_cores=dice.randint(1, 8), priority=dice.randint(1, 10)
        )
    done = replay(engine.state)
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: admin.get("/v1/stats")["jobs"]["completed"] == 40)
    engine.end(signal.SIGKILL)
    done = replay(engine.state, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["differences"]) == (0, [])
    records = [read(one) for one in logged(engine.state / "rcq.db")]
    started = [int(start.lease.job) for record in records for start in record.moment.outcome.plan.starts]
    assert sorted(started) == list(range(1, 41))
