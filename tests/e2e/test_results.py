"""Results of jobs, through the API and the command line: a whole ZIP or a clear refusal, for their owner and admins."""

import io
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import SETTINGS

pytestmark = pytest.mark.e2e


def archive(person: Any, number: int, **query: Any) -> zipfile.ZipFile:
    answer = person.ask("GET", f"/v1/jobs/{number}/results", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    return found


def test_what_a_job_left_is_an_archive(admin: Any) -> None:
    number = admin.script('cd "$RCQ_JOB_DIR"; mkdir out; echo 42 >out/answer; echo hello; ln -s /etc/passwd out/link')
    assert admin.ended(number)["state"] == "completed"
    found = archive(admin, number)
    assert {"exit", "out/", "out/answer", "script", "stdout.log", "stderr.log"} <= set(found.namelist())
    assert found.read("out/answer") == b"42\n"
    assert found.read("stdout.log") == b"hello\n"
    assert b'"exit_code": 0' in found.read("exit")
    assert found.read("RCQ-LEFT-OUT.txt").decode().splitlines() == [
        "Not in this archive:",
        "out/link: a symbolic link to /etc/passwd",
    ]
    assert not [name for name in found.namelist() if name.startswith(("claim-", "run-", ".", "/"))]


def test_while_it_runs_it_says_so(admin: Any, until: Callable[..., Any]) -> None:
    number = admin.script("echo so far; exec sleep 60")
    until(lambda: "so far" in admin.log(number))
    found = archive(admin, number)
    assert found.read("stdout.log") == b"so far\n"
    assert "had not ended" in found.read("RCQ-LEFT-OUT.txt").decode()


def test_nothing_to_be_had_is_said(admin: Any) -> None:
    number = admin.submit("true", begin=4e9)
    answer = admin.ask("GET", f"/v1/jobs/{number}/results")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVALID_STATE")
    assert f"Job {number} is pending and has no files" in answer.json()["error"]["message"]
    assert admin.refusal("GET", "/v1/jobs/999/results") == "JOB_NOT_FOUND"
    assert admin.refusal("GET", f"/v1/jobs/{number}/results", params={"codes": "1"}) == "VALIDATION_ERROR"


def test_for_the_owner_and_admins_alone(engine: Any, admin: Any) -> None:
    ada, bob = engine.someone(admin, "ada", "vision"), engine.someone(admin, "bob", "vision")
    number = ada.submit("true")
    ada.ended(number)
    assert archive(ada, number).namelist()
    assert archive(admin, number).namelist()
    assert bob.refusal("GET", f"/v1/jobs/{number}/results") == "JOB_NOT_FOUND"


def test_elements_of_an_array_each_in_a_directory(admin: Any) -> None:
    first = admin.script("echo $RCQ_ARRAY_INDEX", array="3-5")
    for number in range(first, first + 3):
        admin.ended(number)
    found = archive(admin, first, elements="all")
    assert [found.read(f"{first}_{index}/stdout.log") for index in (3, 4, 5)] == [b"3\n", b"4\n", b"5\n"]
    assert {name.partition("/")[0] for name in archive(admin, first, elements="4").namelist()} == {f"{first}_4"}
    assert admin.refusal("GET", f"/v1/jobs/{first}/results", params={"elements": "9"}) == "JOB_NOT_FOUND"


def test_the_command_writes_the_file(engine: Any, admin: Any, tmp_path: Path) -> None:
    number = admin.script("echo hello")
    admin.ended(number)
    target = tmp_path / "r.zip"
    assert engine.rcq(admin, "results", str(number), "-o", str(target)).startswith(f"{target}: ")
    assert zipfile.ZipFile(target).read("stdout.log") == b"hello\n"
    engine.rcq(admin, "results", str(number), "-o", str(target), code=1)
    engine.rcq(admin, "results", "99", "-o", str(tmp_path / "x.zip"), code=6)
    assert [one.name for one in tmp_path.glob("*.zip")] == ["r.zip"]


def test_too_much_is_refused_with_the_largest_files(launch: Callable[..., Any]) -> None:
    admin = launch(SETTINGS + "[retention]\nresults_mb = 1\n").admin()
    number = admin.script('truncate -s 1T "$RCQ_JOB_DIR/big"')
    admin.ended(number)
    answer = admin.ask("GET", f"/v1/jobs/{number}/results")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert "big (1048576 MiB)" in answer.json()["error"]["message"]


def test_who_takes_two_at_once_waits_for_the_third(engine: Any, admin: Any, until: Callable[..., Any]) -> None:
    number = admin.script('head -c 20000000 /dev/urandom >"$RCQ_JOB_DIR/noise"')
    admin.ended(number)
    path = f"/v1/jobs/{number}/results"
    with admin.http.stream("GET", path) as one, admin.http.stream("GET", path) as two:
        assert (one.status_code, two.status_code) == (200, 200)
        refused = admin.ask("GET", path)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "10"
        data = one.read()
    assert len(zipfile.ZipFile(io.BytesIO(data)).read("noise")) == 20_000_000
    until(lambda: admin.ask("GET", path).status_code == 200)  # the one that was given up gave its turn back
    until(lambda: not _readers(engine))


def _readers(engine: Any) -> list[int]:
    return [pid for pid in engine.leftovers() if b"jobreader" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_an_archive_that_breaks_off_is_seen_to(engine: Any, admin: Any, until: Callable[..., Any]) -> None:
    """Whoever reads the files is killed in the middle: no end of the ZIP, no end of the answer."""
    number = admin.script('head -c 20000000 /dev/urandom >"$RCQ_JOB_DIR/noise"')
    admin.ended(number)
    with admin.http.stream("GET", f"/v1/jobs/{number}/results") as answer:
        (reader,) = until(lambda: _readers(engine))
        os.kill(reader, 9)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert archive(admin, number).namelist()


def test_files_go_sooner_once_their_owner_has_all_of_them(
    launch: Callable[..., Any], until: Callable[..., Any]
) -> None:
    engine = launch()
    admin = engine.admin()
    ada = engine.someone(admin, "ada", "vision")
    whole, partly = ada.submit("true"), ada.script('cd "$RCQ_JOB_DIR"; echo x >a; ln a b')
    for number in (whole, partly):
        ada.ended(number)

    def fetched() -> list[int]:
        with sqlite3.connect(engine.state / "rcq.db") as books:
            return [row[0] for row in books.execute("SELECT id FROM jobs WHERE fetched_at IS NOT NULL")]

    for person, number in ((admin, whole), (ada, partly), (ada, whole)):
        archive(person, number)
    until(fetched)
    assert fetched() == [whole]  # an admin is not the owner, and a hard link was left out
