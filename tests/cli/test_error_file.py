"""The file of `rcq ingest --errors`: what is in it, and what stays where it cannot be written."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Lines, Result, refusal
from test_ingest import error, jobs, report

__all__ = ["jobs"]

Rcq = Callable[..., Result]


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


@pytest.mark.parametrize(("name", "how"), [("bad.ndjson", ""), ("bad.JSONL", ""), ("bad.err", " with --format ndjson")])
def test_how_the_file_of_errors_is_ingested(rcq: Rcq, engine: Engine, jobs: Path, name: str, how: str) -> None:
    engine.on("POST", "/v1/ingest", Lines([{**error(1), "input": "{"}, {"report": report(2, 1, [error(1)])}]))
    assert rcq("ingest", str(jobs), "--errors", str(jobs.with_name(name))).out.endswith(f"ingest that file{how}\n")


def test_an_earlier_error_file_stays_until_the_engine_answers(rcq: Rcq, engine: Engine, jobs: Path, home: Path) -> None:
    bad = home / "bad.ndjson"
    bad.write_text("of an earlier run\n")
    engine.on("POST", "/v1/ingest", (400, refusal("BAD_FORMAT", "no")))
    assert rcq("ingest", str(jobs), "--errors", str(bad)).code == 1
    assert bad.read_text() == "of an earlier run\n"
    assert rcq("ingest", str(jobs), "--errors", str(home / "new.ndjson")).code == 1
    assert not (home / "new.ndjson").exists()
    engine.on("POST", "/v1/ingest", Lines([{"report": report(3, 0)}]))
    assert rcq("ingest", str(jobs), "--errors", str(bad)).code == 0
    assert bad.read_text() == ""


def test_the_file_that_is_read_is_not_written(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    before = jobs.read_bytes()
    result = rcq("ingest", str(jobs), "--errors", str(jobs))
    assert (result.code, engine.requests, jobs.read_bytes()) == (2, [], before)


def test_an_error_file_that_is_full_stops_the_upload(rcq: Rcq, engine: Engine, jobs: Path) -> None:
    engine.on("POST", "/v1/ingest", Lines([{**error(1), "input": "{"}, {"report": report(2, 1, [error(1)])}]))
    result = rcq("ingest", str(jobs), "--errors", "/dev/full")
    assert result.code == 1
    assert "/dev/full cannot be written on (No space left on device)" in result.err
    assert result.out.startswith("2 accepted, 1 rejected")


def test_a_disk_that_fills_up_leaves_whole_lines_of_errors(
    rcq: Rcq, engine: Engine, jobs: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [{**error(line), "input": "{"} for line in (1, 2, 3)]
    engine.on("POST", "/v1/ingest", Lines([*errors, {"report": report(0, 3, errors)}]))
    bad = home / "bad.ndjson"
    write, room = os.write, [len(json.dumps(errors[0])) + 20]

    def narrow(descriptor: int, data: bytes) -> int:
        if descriptor == 2 or not bad.exists() or not os.path.sameopenfile(descriptor, opened.fileno()):
            return write(descriptor, data)
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(descriptor, data[: room[0]])
        room[0] -= done
        return done

    bad.touch()
    with bad.open("rb") as opened:
        monkeypatch.setattr(os, "write", narrow)
        result = rcq("ingest", str(jobs), "--errors", str(bad))
    assert (result.code, "No space left on device" in result.err) == (1, True)
    assert [json.loads(line) for line in bad.read_text().splitlines()] == errors[:1]
