"""The demo: its settings, its people, its judgement, and that it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import Engine, Lines, Request, card, detail, job, processes_naming, wait_until

from config.load import load
from rcq_tui.cli.demo.people import load_people, settle
from rcq_tui.cli.demo.report import closing_words, gpu_lines, job_lines, judge
from rcq_tui.cli.demo.settings import derive, resized
from rcq_tui.cli.demo.verb import SHIPPED, _all_well
from rcq_tui.cli.demo.watch import Watched, watch
from rcq_tui.cli.demo.workload import Taken, take_all_in
from rcq_tui.client.wire import Wire

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.mark.parametrize("gpus", [1, 2, 3, 4, 5, 8, 64])
def test_another_number_of_cards(tmp_path: Path, gpus: int) -> None:
    file = tmp_path / "rcq.toml"
    file.write_text(derive(SHIPPED / "rcq.toml", gpus, real=False))
    settings = load(file)
    assert sum(cards.count for cards in settings.gpu.simulated) == gpus
    shipped = load(SHIPPED / "rcq.toml")
    assert settings.model_dump(exclude={"gpu"}) == shipped.model_dump(exclude={"gpu"})


def test_the_last_kinds_of_cards_keep_their_number() -> None:
    kinds = [{"model": "a", "count": 3}, {"model": "b"}, {"model": "c", "count": 2}]
    counts = [[(kind["model"], kind["count"]) for kind in resized(kinds, count)] for count in (1, 2, 3, 4, 7)]
    assert counts == [
        [("a", 1)],
        [("a", 1), ("c", 1)],
        [("a", 1), ("c", 2)],
        [("a", 1), ("b", 1), ("c", 2)],
        [("a", 4), ("b", 1), ("c", 2)],
    ]


def test_real_cards(tmp_path: Path) -> None:
    file = tmp_path / "rcq.toml"
    file.write_text(derive(SHIPPED / "rcq.toml", None, real=True))
    assert load(file).gpu.provider == "auto"
    assert load(file).gpu.simulated == ()


def test_without_wishes_the_shipped_file_is_used_as_it_is() -> None:
    assert tomllib.loads(derive(SHIPPED / "rcq.toml", None, real=False))["gpu"]["provider"] == "simulated"


def test_people_are_made_and_logged_in(engine: Engine) -> None:
    def session(request: Request) -> dict[str, Any]:
        return {"token": "token-of-" + request.json["name"]}

    engine.on("POST", "/v1/accounts", {})
    engine.on("POST", "/v1/login", session)
    engine.on("GET", "/v1/groups", {"items": [{"name": "lab"}]})
    engine.on("PATCH", "/v1/groups/lab", {})
    engine.on("POST", "/v1/groups", {})
    people = settle(Wire(str(engine.path)), load_people(SHIPPED / "people.toml"))
    made = engine.asked("POST", "/v1/accounts")
    assert "authorization" not in made[0].headers  # the first account is made by nobody, and is the admin
    assert {request.headers["authorization"] for request in made[1:]} == {f"Bearer {people.admin.token}"}
    assert {request.json["password"] for request in made} == {people.password}
    files = {path.stem for path in (SHIPPED / "jobs").iterdir()}
    assert files <= set(people.wires)
    assert all(wire.token == f"token-of-{name}" for name, wire in people.wires.items())


@pytest.mark.parametrize(("spare", "failed", "beyond"), [(False, 2, 0), (True, 1, 1)])
def test_jobs_too_big_for_other_cards_may_be_refused(
    engine: Engine, tmp_path: Path, spare: bool, failed: int, beyond: int
) -> None:
    from rcq_tui.cli.demo.people import People

    (tmp_path / "ann.ndjson").write_text("{}\n")
    errors = [
        {"line": 1, "job_id": None, "code": code, "message": "no", "details": []}
        for code in ("IMPOSSIBLE_REQUEST", "VALIDATION_ERROR")
    ]
    report = {"accepted": 3, "rejected": 2, "first_id": 1, "last_id": 3, "errors": errors, "dry_run": False}
    engine.on("POST", "/v1/ingest", Lines([{"report": report}]))
    wire = Wire(str(engine.path))
    people = People(admin=wire, wires={"ann": wire}, described=[], password="")
    taken = take_all_in(people, tmp_path, spare_impossible=spare)
    assert (taken.accepted, taken.failed, taken.beyond) == (3, failed, beyond)


BUSY = {"code": "GPUS_BUSY", "wanted": 1, "free": 0, "matching": 4}
QUOTA = {"code": "QUOTA_REACHED", "scope": "group", "name": "g", "resource": "gpus", "limit": 2, "used": 2, "wanted": 1}


def test_watching_notes_what_held_each_job_in_the_first_place(engine: Engine) -> None:
    ended = [job(id=2, state="completed"), job(id=1, state="failed")]
    engine.on(
        "GET",
        "/v1/jobs",
        {"items": [job(id=1, reasons=[BUSY]), job(id=2, state="running")], "cursor": None},
        {"items": [job(id=1, reasons=[BUSY, QUOTA])], "cursor": None},
        {"items": [], "cursor": None},
        {"items": ended, "cursor": None},
    )
    engine.on("GET", "/v1/gpus", *({"items": [card(temperature_c=degrees)]} for degrees in (60.0, 81.5, 70.0)))
    engine.on("GET", "/v1/jobs/1", detail(id=1, state="failed"))
    engine.on("GET", "/v1/jobs/2", detail(id=2, state="completed"))
    said: list[str] = []
    watched = watch(Wire(str(engine.path)), said.append)
    assert watched.complete
    assert watched.held_by == {1: ["GPUS_BUSY", "QUOTA_REACHED"], 2: []}
    assert watched.hottest == {0: 81.5}
    assert [job["id"] for job in watched.jobs] == [1, 2]
    assert said == ["1 jobs run, 1 wait"]


def test_watching_ends_in_time(engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=1, state="running")], "cursor": None})
    engine.on("GET", "/v1/jobs/1", detail(id=1, state="running"))
    engine.on("GET", "/v1/gpus", {"items": []})
    assert not watch(Wire(str(engine.path)), lambda line: None, deadline_s=0.0).complete


JOBS = [
    detail(
        id=1, name="gang", state="completed", cause="exit", exit_code=0, started_at=1_000_001.0, ended_at=1_000_004.0,
        gpu_indices=[0, 1],
    ),
    detail(
        id=2, name="on purpose", state="failed", cause="exit", exit_code=3, gpus=1, gpu_indices=[1],
        started_at=1_000_000.0, ended_at=1_000_000.5, tags={"expect": "failed"},
    ),
    detail(id=3, name="odd", state="failed", cause="launch-error", gpus=0, ended_at=1_000_009.0),
]  # fmt: skip


def test_the_report_at_a_fixed_width(home: Path) -> None:
    watched = Watched(
        held_by={1: ["QUOTA_REACHED", "GPU_HOT"]},
        hottest={0: 81.5},
        cards=[card()],
        jobs=JOBS,
        seconds=41.2,
        complete=True,
    )
    judged = [judge(one, watched.held_by.get(one["id"], [])) for one in JOBS]
    taken = Taken(lines=[], accepted=3, failed=0, beyond=0)
    assert gpu_lines(watched) == [
        "GPU  MODEL             MEMORY  STATE   NOW  HOTTEST  NO START AT  JOBS RUN",
        "  0  NVIDIA RTX A6000     48G  ok     68°C     82°C         75°C         1",
    ]
    assert job_lines(judged) == [
        "ID  NAME        WHO    GPUS    WAITED   RAN  EXIT          STATE        EXPECTED     HELD BY",
        " 1  gang        alice  2: 0,1    1.0s  3.0s  exit 0        ✓ completed  completed    QUOTA_REACHED …",
        " 2  on purpose  alice  1: 1      0.0s  0.5s  exit 3        ✗ failed     failed       -",
        " 3  odd         alice  -         9.0s     -  launch-error  ✗ failed     completed !  -",
    ]
    assert closing_words(judged, taken, watched) == [
        "gang jobs (several GPUs, all or nothing): 1 gang",
        "held back by a quota: 1 gang",
        "held back by heat: 1 gang",
        "failed on purpose, as expected: 2 on purpose",
        "DID NOT END AS EXPECTED: 3 odd",
        "2 of 3 jobs ended as expected, in 41 s",
    ]
    assert not _all_well(judged, taken, watched)
    assert _all_well(judged[:2], taken, watched)
    assert not _all_well(judged[:2], Taken(lines=[], accepted=2, failed=1, beyond=0), watched)
    assert not _all_well(judged[:2], taken, Watched(complete=False))
    assert not _all_well([], taken, watched)


def test_a_wrong_command_line_starts_nothing(spawn: Spawn) -> None:
    process = spawn("demo", "--real", "--gpus", "2")
    _, err = process.communicate(timeout=20)
    assert (process.returncode, b"--gpus" in err) == (2, True)


def test_everything_below_is_ended_however_it_detached(tmp_path: Path) -> None:
    """A double fork in a session of its own, whose parents have gone, and one that ignores SIGTERM."""
    noted = tmp_path / "pids"
    script = f"""
import subprocess, sys, time
from pathlib import Path
from rcq_tui.cli.demo.descendants import adopt_orphans, descendants, end_all
import os
adopt_orphans()
job = "trap : TERM; echo $$ >> {noted}; sleep 1000 & wait; sleep 1000"
subprocess.Popen(["sh", "-c", f"setsid sh -c '{{job}}' & exit 0"]).wait()
while not Path({str(noted)!r}).exists() or not Path({str(noted)!r}).read_text().endswith(chr(10)):
    os.sched_yield()
assert int(Path({str(noted)!r}).read_text()) in descendants(os.getpid())
assert end_all(10.0)
assert descendants(os.getpid()) == []
"""
    subprocess.run([sys.executable, "-P", "-c", script], timeout=30, check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


@pytest.mark.e2e
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_leaves_nothing(spawn: Spawn, tmp_path: Path, number: signal.Signals, code: int) -> None:
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = spawn("demo", stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": "/tmp"})
    wait_until(lambda: "jobs run" in said.read_text(), 40)
    directory = re.search(r"/tmp/rcq-demo-\w+", said.read_text())
    assert directory is not None
    assert processes_naming(directory[0])
    process.send_signal(number)
    assert process.wait(30) == code, said.read_text()
    assert not Path(directory[0]).exists()
    assert processes_naming(directory[0]) == []


@pytest.mark.slow
@pytest.mark.e2e
def test_the_whole_demo_ends_well(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn("demo", stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": "/tmp"})
    said = process.communicate(timeout=110)[0].decode()
    assert process.returncode == 0, said
    for story in ("gang jobs", "held back by a quota", "held back by heat", "failed on purpose, as expected"):
        assert story in said
    assert "28 of 28 jobs ended as expected" in said
