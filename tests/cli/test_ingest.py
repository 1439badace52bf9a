"""Ingest from files, FIFOs and standard input; reports, error files and exit codes."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
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


@pytest.mark.parametrize("name", ["big.ndjson", "big.csv", "big.csv.gz"])
def test_memory_does_not_follow_the_file(engine: Engine, spawn: Spawn, home: Path, name: str) -> None:
    big = home / name
    with big.open("wb") as file:
        if name.endswith(".gz"):
            file.write(gzip.compress(bytes(64 * 1024 * 1024), 1))
        else:
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


LINE = b'{"job_id": "a", "command": ["true"]}\n'


def streamed(told: dict[str, Any], *, reports: bool) -> Callable[[socket.socket], None]:
    """An engine that answers after the first lines, then reads to the end of the request; then it may report."""

    def talk(connection: socket.socket) -> None:
        received = connection.recv(65536)
        while LINE not in received:
            received += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
        connection.sendall(b'{"progress": {"lines": 2, "accepted": 2, "rejected": 0}}\n')
        told["begun"] = True
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.recv(65536)
        told["body"] = received.partition(b"\r\n\r\n")[2]
        if reports:
            connection.sendall(json.dumps({"report": report(2, 0)}).encode() + b"\n")
        else:
            told["left"] = connection.recv(1) == b""

    return talk


@pytest.fixture
def begun(raw: Callable[..., str], spawn: Spawn, home: Path) -> Iterator[Callable[..., Any]]:
    """Starts an ingest of a FIFO that holds two lines and a half; gives its process and what the engine saw."""
    writers: list[int] = []

    def start(*options: str, reports: bool = True) -> "tuple[subprocess.Popen[bytes], dict[str, Any]]":
        told: dict[str, Any] = {}
        os.mkfifo(home / "jobs.ndjson")
        environment = {**os.environ, "RCQ_SOCKET": raw(streamed(told, reports=reports))}
        process = spawn("ingest", str(home / "jobs.ndjson"), *options, env=environment)
        writers.append(os.open(home / "jobs.ndjson", os.O_WRONLY))
        os.write(writers[0], LINE * 2 + LINE[:9])
        wait_until(lambda: "begun" in told)
        return process, told

    yield start
    for writer in writers:
        os.close(writer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_upload_behind_a_whole_line(begun: Callable[..., Any], number: int) -> None:
    process, told = begun()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert told["body"] == b"%x\r\n%b\r\n0\r\n\r\n" % (len(LINE) * 2, LINE * 2)
    assert out.decode().splitlines() == [
        "interrupted after 2 lines: 2 accepted, 0 rejected, ids 1 to 2",
        "  Run the same command again with --resume: it adds the rest.",
    ]
    assert b"once more leaves at once" in err


def test_an_interrupted_report_is_json_too(begun: Callable[..., Any]) -> None:
    process, _ = begun("--json", "--resume")
    process.send_signal(signal.SIGINT)
    assert json.loads(process.communicate(timeout=20)[0]) == report(2, 0) | {"interrupted": True}


def test_the_second_signal_leaves_at_once_and_tells_what_was_told(begun: Callable[..., Any]) -> None:
    process, told = begun(reports=False)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "body" in told)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"It had told of 2 accepted and 0 rejected lines before." in err
    assert b"with --resume" in err
    wait_until(lambda: told.get("left"))


def test_an_engine_that_dies_on_the_way(raw: Callable[..., str], spawn: Spawn, jobs: Path) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
        told = {"lines": 9, "accepted": 2, "rejected": 1, "known": 6}
        connection.sendall(json.dumps({"progress": told}).encode() + b"\n")

    process = spawn("ingest", str(jobs), "--resume", env={**os.environ, "RCQ_SOCKET": raw(talk)})
    err = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 8
    assert "6 that were there already, 2 accepted and 1 rejected lines before. Run the same command again:" in err


def test_what_was_there_already_is_told(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(1, 2, known=2)}]))
    result = rcq("ingest", str(jobs))
    assert (result.code, result.out.splitlines()[-1]) == (
        3,
        "  2 of them were there already: --resume counts those as done",
    )
    engine.on("POST", "/v1/ingest", Lines([{"report": report(1, 0, known=2)}]))
    result = rcq("ingest", str(jobs), "--resume")
    assert result == Result(0, "2 were there already, 1 added, 0 rejected, ids 1 to 1\n", "")
    assert engine.requests[1].query["resume"] == "1"


@pytest.mark.parametrize(("known", "code"), [(2, 3), (0, 1)])
def test_a_resumed_file_is_partly_in_if_some_of_it_was_there(
    rcq: Rcq, engine: Engine, jobs: Path, known: int, code: int
) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(0, 1, [error(3)], known=known)}]))
    assert rcq("ingest", str(jobs), "--resume").code == code


@pytest.mark.parametrize(("name", "form"), [("a.ndjson.gz", "ndjson"), ("A.CSV.GZ", "csv"), ("a.jsonl", "ndjson")])
def test_packed_files_are_sent_unpacked(rcq: Rcq, engine: Engine, home: Path, name: str, form: str) -> None:
    (home / name).write_bytes(gzip.compress(LINE) + gzip.compress(LINE))
    engine.on("POST", "/v1/ingest", Lines([{"report": report(2, 0)}]))
    assert rcq("ingest", str(home / name)).code == 0
    assert (engine.requests[0].body, engine.requests[0].query["format"]) == (LINE * 2, form)


def test_packed_standard_input(engine: Engine, spawn: Spawn) -> None:
    engine.on("POST", "/v1/ingest", Lines([{"report": report(1, 0)}]))
    process = spawn("ingest", "-", "--format", "ndjson", stdin=subprocess.PIPE)
    process.communicate(gzip.compress(LINE), timeout=20)
    assert (process.returncode, engine.requests[0].body) == (0, LINE)


def test_a_file_that_is_cut_off(rcq: Rcq, engine: Engine, home: Path) -> None:
    packed = zlib.compressobj(wbits=31)
    (home / "a.ndjson.gz").write_bytes(packed.compress(LINE * 2 + LINE[:5]) + packed.flush(zlib.Z_SYNC_FLUSH))
    progress = {"lines": 2, "accepted": 2, "rejected": 0}
    engine.on("POST", "/v1/ingest", Lines([{"progress": progress}, {"report": report(2, 0)}]))
    result = rcq("ingest", str(home / "a.ndjson.gz"))
    assert (result.code, engine.requests[0].body) == (1, LINE * 2)
    assert result.out == "2 accepted, 0 rejected, ids 1 to 2\n"
    assert "a.ndjson.gz is cut off" in result.err
    assert "The 2 whole lines before that were sent." in result.err


def test_a_file_with_a_wrong_name_is_told_so_and_nothing_of_a_rest(rcq: Rcq, engine: Engine, home: Path) -> None:
    (home / "a.ndjson.zst").write_bytes(LINE)
    engine.on("POST", "/v1/ingest", Lines([{"report": report(0, 0)}]))
    result = rcq("ingest", str(home / "a.ndjson.zst"))
    assert result.code == 1
    assert result.err.endswith("though its name says so: give it its right name. Nothing was sent.\n")


def test_errors_are_on_disk_before_the_report_comes(raw: Callable[..., str], spawn: Spawn, home: Path) -> None:
    bad = home / "bad.ndjson"
    told = {**error(1), "input": "{"}

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
        connection.sendall(json.dumps(told).encode() + b"\n")
        wait_until(lambda: bad.exists() and bad.read_text().endswith("\n"))

    (home / "a.ndjson").write_bytes(LINE)
    socket_path = raw(talk)
    process = spawn(
        "ingest", str(home / "a.ndjson"), "--errors", str(bad), env={**os.environ, "RCQ_SOCKET": socket_path}
    )
    assert process.wait(20) == 8
    assert json.loads(bad.read_text()) == told


def test_a_json_file_is_told_how_it_becomes_ndjson(rcq: Rcq, engine: Engine, home: Path) -> None:
    (home / "jobs.json").write_text("[]")
    result = rcq("ingest", str(home / "jobs.json"))
    assert (result.code, engine.requests) == (2, [])
    assert "jq -c '.[]'" in result.err
