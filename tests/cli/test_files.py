"""`rcq submit --file`: what is sent under which name, what is refused before anything is, what is taken back."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import Engine, Request, Result, detail, refusal

Rcq = Callable[..., Result]


@pytest.fixture
def place(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the person stands, with two files."""
    there = home / "work"
    there.mkdir()
    (there / "data.csv").write_bytes(b"a,b\n" * 200_000)
    (there / "tool.py").write_text("print(1)\n")
    (there / "tool.py").chmod(0o755)
    monkeypatch.chdir(there)
    return there


@pytest.fixture
def taking(engine: Engine) -> Engine:
    """An engine that takes uploads, numbers them and knows jobs."""
    numbers = iter(range(100))

    def upload(request: Request) -> Any:
        return 201, {"upload": f"u{next(numbers)}", "size": len(request.body), "sha256": ""}

    engine.on("POST", "/v1/uploads", upload)
    engine.on("POST", "/v1/jobs", (201, {"id": 7}))
    return engine


def test_files_go_first_and_the_job_names_them(rcq: Rcq, taking: Engine, place: Path) -> None:
    options = ["--file", "data.csv", "--file", "conf/run=tool.py", "--file", "twice=./data.csv"]
    assert rcq("submit", *options, "true") == Result(0, "7\n", "")
    sent = taking.asked("POST", "/v1/uploads")
    assert [len(request.body) for request in sent] == [800_000, 9]
    assert sent[0].headers["content-type"] == "application/octet-stream"
    assert taking.requests[-1].json["files"] == [
        {"name": "data.csv", "upload": "u0"},
        {"name": "conf/run", "upload": "u1", "executable": True},
        {"name": "twice", "upload": "u0"},
    ]


def test_a_refused_job_leaves_no_upload(rcq: Rcq, taking: Engine, place: Path) -> None:
    taking.on("POST", "/v1/jobs", (409, refusal("QUOTA_EXCEEDED", "too many wait")))
    for number in ("u0", "u1"):
        taking.on("DELETE", f"/v1/uploads/{number}", {"ok": True})
    result = rcq("submit", "--file", "data.csv", "--file", "tool.py", "true")
    assert (result.code, "too many wait" in result.err) == (9, True)
    assert [request.path for request in taking.requests[-2:]] == ["/v1/uploads/u0", "/v1/uploads/u1"]


def test_the_second_upload_that_is_refused_takes_the_first_back(rcq: Rcq, taking: Engine, place: Path) -> None:
    full = (409, refusal("QUOTA_EXCEEDED", "staged_mb"))
    taking.on("POST", "/v1/uploads", (201, {"upload": "u0"}), full)
    taking.on("DELETE", "/v1/uploads/u0", {"ok": True})
    assert rcq("submit", "--file", "data.csv", "--file", "tool.py", "true").code == 9
    assert taking.requests[-1].method == "DELETE"
    assert taking.asked("POST", "/v1/jobs") == []


def test_a_dry_run_sends_no_file(rcq: Rcq, taking: Engine, place: Path) -> None:
    preview = {"starts_now": True, "reasons": [], "helps": [], "position": None, "pending": 0, "expected_start": None}
    taking.on("POST", "/v1/jobs", preview)
    assert rcq("submit", "--dry-run", "--file", "data.csv", "true").code == 0
    assert [request.path for request in taking.requests] == ["/v1/jobs"]
    assert "files" not in taking.requests[0].json


def test_a_scripts_files_are_the_callers_and_the_command_line_wins(rcq: Rcq, taking: Engine, place: Path) -> None:
    (place / "jobs").mkdir()
    (place / "jobs" / "run.sh").write_text("#!/bin/bash\n#RCQ --file data.csv --file a=tool.py\ntrue\n")
    (place / "other").write_text("x")
    assert rcq("submit", "--file", "a=other", "jobs/run.sh").code == 0
    assert [len(request.body) for request in taking.asked("POST", "/v1/uploads")] == [800_000, 1]
    assert [one["name"] for one in taking.requests[-1].json["files"]] == ["data.csv", "a"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["nowhere"], "nowhere cannot be read: No such file"),
        (["."], ". is a directory; pack it first"),
        (["pipe"], "no plain file"),
        (["secret"], "secret cannot be read"),
        (["data.csv", "x/../data.csv"], "give one a name: --file NAME="),
        (["=data.csv"], "names no file"),
        (["name="], "names no file"),
        (["script=data.csv"], "data.csv cannot be 'script' there: it begins with script, a name that rcq itself uses"),
        (["../up=data.csv"], "without empty parts, . and .."),
        (["/tmp/x=data.csv"], "must be a path relative to the job's directory"),
        (["--dry-run", "exit/x=data.csv"], "a name that rcq itself uses"),
    ],
)
def test_what_cannot_be_sent_is_told_before_anything_is(
    rcq: Rcq, engine: Engine, place: Path, options: list[str], told: str
) -> None:
    os.mkfifo(place / "pipe")
    (place / "x").mkdir()
    (place / "secret").symlink_to("nowhere")
    given = [word for one in options for word in ([one] if one.startswith("--") else ["--file", one])]
    result = rcq("submit", *given, "true")
    assert (result.code, engine.requests) == (2, [])
    assert told in result.err


def test_show_lists_them_with_sizes(rcq: Rcq, engine: Engine) -> None:
    sizes = [0, 17, 3000, 12 * 1024 * 1024, None, *[1] * 20]
    files = [{"name": f"f\x1b{at}", "upload": "u", "size": size, "executable": False} for at, size in enumerate(sizes)]
    engine.on("GET", "/v1/jobs/12", detail(files=files))
    lines = [line.split(maxsplit=1)[1] for line in rcq("show", "12").out.splitlines() if line.startswith("file ")]
    assert [line.partition("(")[2] for line in lines[:6]] == ["0B)", "17B)", "3K)", "12M)", "-)", "1B)"]
    assert len(lines) == 21
    assert lines[-1] == "and 5 more: --json has all"
    assert "\x1b" not in "".join(lines)
