"""Many clients at once beside one that holds a thousand half-open connections: everybody is served, nothing is lost."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from bench_load import load_on, missing

SECONDS, CLIENTS, HALF_OPEN = 5.0, 10, 1000


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("each", [64, 2048], ids=["closed and opened anew", "left open"])
def test_nobody_is_locked_out_and_nothing_acknowledged_is_lost(launch: Any, each: int) -> None:
    engine = launch(f"[auth]\nbcrypt_rounds = 4\n[api]\nconnections_per_user = {each}\n[gpu]\nprovider = 'simulated'\n")
    token = engine.admin().http.headers["Authorization"].removeprefix("Bearer ")
    seen, opened = load_on(str(engine.socket), token, CLIENTS, HALF_OPEN, SECONDS)
    assert opened >= HALF_OPEN
    assert seen.errors == {}
    assert {"submit", "list", "follow"} <= set(seen.took)
    assert {key.split("-")[0] for key in seen.acknowledged} == {"p0", "p3", "q0", "q3"}  # every one that submits
    assert missing(engine.state / "rcq.db", seen) == (0, 0)
