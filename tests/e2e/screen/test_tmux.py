"""A person's day in a terminal of 80 by 24: log in, submit, follow, cancel, quit."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.screen.terminals import Tmux, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs the package tmux"),
]
PASSWORD = "correct horse"
COUNTS = "for i in $(seq 3000); do echo step-$i; sleep 0.02; done"


@pytest.fixture
def tmux(engine: Any, admin: Any, tmp_path: Path) -> Iterator[Tmux]:
    engine.someone(admin, "ann", "vision")
    window = Tmux(tmp_path, environment(engine.socket, tmp_path))
    yield window
    window.close()


def steps(screen: str) -> list[str]:
    return [word for word in screen.split() if word.startswith("step-") and word[5:].isdigit()]


def test_log_in_submit_follow_cancel_quit(tmux: Tmux, admin: Any, tmp_path: Path) -> None:
    tmux.sees("Password")
    tmux.types("ann")
    tmux.keys("Enter")
    tmux.types(PASSWORD)
    tmux.keys("Enter")
    tmux.sees("Nothing is queued")

    tmux.keys("s")
    tmux.sees("Submit a job")
    tmux.types(COUNTS)
    tmux.keys("C-s")
    tmux.waits(lambda screen: "Submit a job" not in screen and "ends by" in screen, "the job's row, running")
    (row,) = admin.get("/v1/jobs", state="running")["items"]
    assert row["account"] == "ann"

    tmux.keys("Enter")
    first = steps(tmux.waits(steps, "its output"))
    tmux.waits(lambda screen: (now := steps(screen)) and now[-1] != first[-1], "more of its output")
    tmux.keys("Escape")
    tmux.sees("Queue")

    tmux.keys("c")
    asked = tmux.sees(f"Cancel job {row['id']}?")
    assert "(y)" in asked
    tmux.keys("Escape")
    tmux.waits(lambda screen: "Cancel job" not in screen, "the question has gone")
    assert admin.job(row["id"])["state"] == "running", "Esc is no yes"
    tmux.keys("c")
    tmux.sees(f"Cancel job {row['id']}?")
    tmux.keys("y")
    assert admin.ended(row["id"])["state"] == "cancelled"
    tmux.sees("Nothing is queued")

    tmux.keys("q")
    assert tmux.ended() == 0
    assert "Traceback" not in tmux.screen()
    token = tmp_path / "rcq" / "token"
    assert token.stat().st_mode & 0o777 == 0o600, "the log-in is kept for the next time"
