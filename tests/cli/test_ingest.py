"""Ingest from files, FIFOs and standard input; reports, error files and exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import Engine, Lines, Request, Result, refusal, wait_until

from rcq_tui.cli.progress import Progress

Rcq = Callable[..., Result]
Spawn = Callable[..., "subprocess.Popen[bytes]"]


def report(accepted: int, rejected: int, errors: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    first, last = (1, accepted) if accepted else (None, None)
    body = {"accepted": accepted, "rejected": rejected, "first_id": first, "last_id": last, "errors": errors or []}
    return {**body, "dry_run": False, **more}


def error(line: int) -> dict[str, Any]:
    return {
        "line": line,
        "job_id": f"j{line}",
        "code": "BAD_FORMAT",
        "message": f"no\x1b[2J JSON {line}",
        "details": [],
    }


@pytest.fixture
def jobs(home: Path) -> Path:
    path = home / "jobs.ndjson"
    path.write_bytes(b'{"command": ["true"]}\n' * 3)
    return path


@pytest.mark.parametrize(("counts", "code"), [((3, 0), 0), ((2, 1), 3), ((0, 3), 1), ((0, 0), 0)])
def test_exit_codes(rcq: Rcq, engine: Engine, jobs: Path, counts: tuple[int, int], code: int) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(*counts)}]))
    assert rcq("ingest", str(jobs)).code == code


def test_what_is_sent_and_said(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    lines = [{"progress": {"lines": 3, "accepted": 2, "rejected": 1}}, {"report": report(2, 1, [error(3)])}]
    engine.on("POST", "/v1/ingest", Lines(lines))
    result = rcq("ingest", str(jobs))
    assert result.out == "2 accepted, 1 rejected, ids 1 to 2\n  line 3 (j3): BAD_FORMAT: no JSON 3\n"
    assert result.err == ""
    sent = engine.requests[0]
    assert sent.body == jobs.read_bytes()
    assert sent.query == {"format": "ndjson", "progress": "1", "wait": "1"}
    assert sent.headers["content-type"] == "application/x-ndjson"


def test_a_limit_that_holds_lines_back_is_told_once(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    waiting = {"waiting": {"lines": 2, "seconds": 5.0}}
    engine.on("POST", "/v1/ingest", Lines([waiting, waiting, {"report": report(3, 0)}]))
    result = rcq("ingest", str(jobs))
    assert (result.code, result.err.count("a limit of jobs a minute")) == (0, 1)


def test_many_errors_are_cut_and_say_so(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(0, 400, [error(line) for line in range(100)])}]))
    out = rcq("ingest", str(jobs)).out.splitlines()
    assert len(out) == 12
    assert out[-1] == "  … and 390 more: --errors FILE writes them all"


def test_every_error_goes_to_the_file(rcq: Rcq, engine: Engine, jobs: Path, home: Path) -> None:
    errors = [{**error(line), "input": "{bad"} for line in range(150)]
    engine.on("POST", "/v1/ingest", Lines([*errors, {"report": report(1, 150, errors[:100])}]))
    bad = home / "bad.ndjson"
    assert rcq("ingest", str(jobs), "--errors", str(bad)).code == 3
    assert [json.loads(line) for line in bad.read_text().splitlines()] == errors
    assert engine.requests[0].query["all_errors"] == "1"


def test_an_error_file_that_cannot_be_written_stops_before_anything_is_sent(
    rcq: Rcq, engine: Engine, jobs: Path, home: Path
) -> None:
    result = rcq("ingest", str(jobs), "--errors", str(home / "no" / "bad.ndjson"))
    assert (result.code, "Nothing was sent" in result.err) == (1, True)
    assert engine.requests == []


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["a.CSV"], "csv"),
        (["a.jsonl"], "ndjson"),
        (["a.txt", "--format", "csv"], "csv"),
        (["a.ndjson", "--format", "csv"], "csv"),
    ],
)
def test_the_format(rcq: Rcq, engine: Engine, home: Path, argv: list[str], expected: str) -> None:
    name, *options = argv
    (home / name).write_text("x\n")
    engine.on("POST", "/v1/ingest", Lines([{"report": report(1, 0)}]))
    rcq("ingest", str(home / name), *options)
    assert engine.requests[0].query["format"] == expected


@pytest.mark.parametrize(("name", "code"), [("a.txt", 2), ("-", 2), ("none.csv", 1), ("dir.csv", 1)])
def test_what_cannot_be_sent(rcq: Rcq, engine: Engine, home: Path, name: str, code: int) -> None:
    (home / "dir.csv").mkdir()
    result = rcq("ingest", name if name == "-" else str(home / name))
    assert (result.code, engine.requests) == (code, [])
    assert result.err.startswith("rcq: ")


def test_dry_run_and_json(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    dry = report(3, 0, first_id=None, last_id=None, dry_run=True)
    engine.on("POST", "/v1/ingest", Lines([{"report": dry}]))
    assert rcq("ingest", str(jobs), "--dry-run").out == "3 would be accepted, 0 would be rejected\n"
    assert json.loads(rcq("ingest", str(jobs), "--dry-run", "--json").out) == dry
    assert engine.requests[1].query["dry_run"] == "1"


def test_a_refusal_of_the_whole_file(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    engine.on("POST", "/v1/ingest", (400, refusal("BAD_FORMAT", "there is no column gpuz; gpus?")))
    assert rcq("ingest", str(jobs)) == Result(1, "", "rcq: there is no column gpuz; gpus?\n")


def test_an_answer_without_a_report(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"progress": {"lines": 9, "accepted": 8, "rejected": 1}}]))
    result = rcq("ingest", str(jobs))
    assert result.code == 8
    assert "8 accepted and 1 rejected lines before" in result.err


def test_standard_input(engine: Engine, spawn: Spawn) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(2, 0)}]))
    process = spawn("ingest", "-", "--format", "csv", stdin=subprocess.PIPE)
    out, err = process.communicate(b"command\ntrue\n", timeout=20)
    assert (process.returncode, out, err) == (0, b"2 accepted, 0 rejected, ids 1 to 2\n", b"")
    assert engine.requests[0].body == b"command\ntrue\n"


def test_a_fifo_is_streamed(engine: Engine, spawn: Spawn, home: Path) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(2, 0)}]))
    fifo = home / "jobs.ndjson"
    os.mkfifo(fifo)
    process = spawn("ingest", str(fifo))
    with fifo.open("wb", buffering=0) as writer:
        writer.write(b'{"command": ["true"]}\n')
        writer.write(b'{"command": ["true"]}\n')
    assert process.wait(20) == 0
    wait_until(lambda: engine.requests)
    assert engine.requests[0].body.count(b"\n") == 2


def test_memory_does_not_follow_the_file(engine: Engine, spawn: Spawn, home: Path) -> None:
    big = home / "big.ndjson"
    with big.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    most: list[int] = []

    def measured(request: Request) -> Lines:
        status = Path(f"/proc/{process.pid}/status").read_text()
        most.append(int(status.partition("VmHWM:")[2].split()[0]))
        return Lines([{"report": report(1, len(request.body))}])

    engine.on("POST", "/v1/ingest", measured)
    process = spawn("ingest", str(big))
    assert process.communicate(timeout=60)[0].startswith(b"1 accepted, 67108864 rejected")
    assert most[0] < 60_000  # KiB; the file alone has 65,536


def test_the_bar_tells_the_rate_and_the_rest_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = Progress(1000, lambda: now[0])
    lines: list[str] = []
    for _ in range(20):  # 10 seconds: fast at first, then 20 bytes and 40 lines each half second
        now[0] += 0.5
        bar.sent(200 if not lines else 20)
        bar.told({"lines": 40 * (len(lines) + 1), "accepted": 30 * (len(lines) + 1), "rejected": 10})
        lines.append(bar.line(now[0] - 100.0))
    assert lines[0].endswith("40 lines, 10 rejected, 80 lines/s")  # too soon to tell the rest
    assert lines[-1].split("  ")[-1].strip() == "800 lines, 10 rejected, 80 lines/s, 10s left"
    assert lines[-1].count("\N{FULL BLOCK}") == 24 * 580 // 1000


def test_the_bar_of_a_pipe_and_of_a_file_that_is_read() -> None:
    assert Progress(0).line(0.0) == "0 lines, 0 rejected, 0 lines/s"
    bar = Progress(10)
    bar.sent(10)
    assert "left" not in bar.line(5.0)


def test_where_no_terminal_is_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Progress(10)
    bar.sent(10)
    bar.end()
    bar.done()
    assert capsys.readouterr().err == ""
