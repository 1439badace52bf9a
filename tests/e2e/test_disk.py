"""A disk that is really full, or really read-only: who runs runs on, who submits is told, and it goes on by itself."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Engine

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small disk"),
]

PIECE = b"\0" * 65536


@pytest.fixture
def on_small_disk(tmp_path: Path) -> Iterator[Engine]:
    """An engine that is not started, whose state directory is a disk of 16 MiB."""
    engine = Engine(tmp_path)
    engine.state.mkdir()
    mount("-t", "tmpfs", "-o", "size=16m,mode=0700", "none", str(engine.state))
    yield engine
    engine.clean_up()
    subprocess.run(["umount", "--lazy", str(engine.state)], check=True)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def fill(directory: Path) -> Path:
    """A file that takes all the room there is."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (PIECE, b"\0" * 512):
            try:
                while file.write(piece):
                    pass
            except OSError:
                continue
    return filler


def health(person: Any) -> tuple[int, dict[str, Any]]:
    answer = person.ask("GET", "/healthz")
    body = answer.json()
    return answer.status_code, body if answer.status_code == 200 else body["error"]["details"][0]


def test_a_full_disk_ends_nobody_and_is_over_when_there_is_room(
    on_small_disk: Engine, until: Callable[..., Any], tmp_path: Path
) -> None:
    engine = on_small_disk.start()
    admin = engine.admin()
    go = tmp_path / "go"
    ends_meanwhile = admin.script(f"while [ ! -e {go} ]; do sleep 0.02; done; exit 3")
    ends_later = admin.script(f"while [ ! -e {go}.later ]; do sleep 0.02; done; exit 4")
    for number in (ends_meanwhile, ends_later):
        admin.wait_for(number, "running")

    # 1. nothing can be written: told to who submits and to who asks
    filler = fill(engine.state)
    taken: list[str] = []

    def refused() -> Any:
        key = f"key{len(taken)}"
        answer = admin.ask("POST", "/v1/jobs", json={"command": ["true"], "job_id": key})
        if answer.status_code < 300:  # the log had room left that was its own
            taken.append(key)
            return None
        return answer

    answer = until(refused)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_NOT_READY")
    assert "Free some space" in answer.json()["error"]["message"]
    status, told = until(lambda: found if (found := health(admin))[0] != 200 else None)
    assert (status, told["status"]) == (503, "failing")
    assert "Free some space" in told["trouble"]

    # 2. it stays so, jobs run on, and one that ends is not lost
    go.touch()
    until(lambda: (engine.root / "engine.log").read_text().count("A pass failed again") >= 2)
    assert engine.process is not None
    assert engine.process.poll() is None
    assert admin.job(ends_later)["state"] == "running"
    assert health(admin)[1]["status"] == "failing"

    # 3. there is room again: all by itself
    filler.unlink()
    until(lambda: health(admin)[0] == 200)
    assert admin.ended(ends_meanwhile)["exit_code"] == 3
    answer = admin.ask("POST", "/v1/jobs", json={"command": ["true"], "job_id": f"key{len(taken)}"})
    assert answer.status_code < 300, answer.text  # nothing of the refused one was kept
    taken.append("last")
    (engine.root / "go.later").touch()
    assert admin.ended(ends_later)["exit_code"] == 4
    until(lambda: admin.get("/v1/stats")["jobs"]["completed"] == len(taken))
    assert admin.get("/v1/stats")["jobs"]["failed"] == 2


def test_a_job_whose_files_have_no_room_says_so_and_starts_when_there_is_some(
    on_small_disk: Engine, until: Callable[..., Any]
) -> None:
    engine = on_small_disk
    engine.config.write_text(engine.config.read_text() + "disk_reserve_mb = 0\n")
    admin = engine.start().admin()
    upload = admin.ask("POST", "/v1/uploads", content=b"x" * 4_000_000).json()["upload"]
    filler = engine.state / "filler"
    filler.write_bytes(b"\0" * 9_000_000)
    job = admin.script('wc -c <"$RCQ_JOB_DIR/data"', files=[{"name": "data", "upload": upload}])
    (told,) = until(lambda: admin.get(f"/v1/jobs/{job}/why")["notices"])
    assert (told["code"], told["why"]) == ("START_DELAYED", "the disk for job files has no room for its staged files")
    assert "no room for its staged files" in engine.rcq(admin, "why", str(job))
    assert "cannot be started now" in engine.rcq(admin, "queue")
    filler.unlink()
    assert admin.ended(job)["state"] == "completed"
    assert admin.log(job) == "4000000\n"


def test_a_read_only_disk_is_told_at_the_start_and_nothing_is_changed(
    on_small_disk: Engine, until: Callable[..., Any]
) -> None:
    engine = on_small_disk.start()
    admin = engine.admin()
    number = admin.submit("true")
    admin.ended(number)
    engine.end()
    until(lambda: not (engine.state / "supervisor.lock").exists() or not engine.leftovers())
    before = {file.name: file.read_bytes() for file in engine.state.iterdir() if file.is_file()}
    mount("-o", "remount,ro", str(engine.state))
    tried = subprocess.run(engine.command(), capture_output=True, text=True, timeout=60, check=False)
    assert tried.returncode == 1
    assert "Read-only file system" in tried.stderr
    assert "Traceback" not in tried.stderr
    assert before == {file.name: file.read_bytes() for file in engine.state.iterdir() if file.is_file()}
    mount("-o", "remount,rw", str(engine.state))
    engine.start()
    assert admin.job(number)["state"] == "completed"
