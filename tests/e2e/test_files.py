"""Staged files through a real engine: sent, given to jobs, kept as long as they are needed, then gone."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SETTINGS, Engine, Person


def upload(person: Person, content: bytes) -> str:
    answer = person.ask("POST", "/v1/uploads", content=content)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["size"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    return str(told["upload"])


def uploads(person: Person) -> list[dict[str, Any]]:
    return list(person.get("/v1/uploads")["items"])


def staged(engine: Engine) -> list[str]:
    """What lies there, half of one included."""
    return sorted(os.listdir(engine.state / "staged"))  # noqa: PTH208 - names are all that is wanted


def test_a_job_finds_its_files(engine: Engine, admin: Person) -> None:
    data, tool = upload(admin, b"x" * 3_000_000), upload(admin, b"#!/bin/sh\necho tool ran\n")
    files = [
        {"name": "data.bin", "upload": data},
        {"name": "deep/er/data.bin", "upload": data},
        {"name": "bin/tool", "upload": tool, "executable": True},
    ]
    job = admin.script('cd "$RCQ_JOB_DIR"; stat -c %s data.bin deep/er/data.bin; bin/tool', files=files)
    assert admin.ended(job)["state"] == "completed"
    assert admin.log(job) == "3000000\n3000000\ntool ran\n"
    shown = admin.job(job)["files"]
    assert shown == [
        {"name": "data.bin", "upload": data, "size": 3_000_000, "executable": False},
        {"name": "deep/er/data.bin", "upload": data, "size": 3_000_000, "executable": False},
        {"name": "bin/tool", "upload": tool, "size": 24, "executable": True},
    ]
    assert [(one["upload"], one["jobs"], one["goes_at"]) for one in uploads(admin)] == [
        (data, 1, None),
        (tool, 1, None),
    ]
    assert admin.refusal("DELETE", f"/v1/uploads/{data}") == "INVALID_STATE"


def test_each_element_of_an_array_has_a_copy(engine: Engine, admin: Person) -> None:
    number = upload(admin, b"shared\n")
    files = [{"name": "in.txt", "upload": number}]
    first = admin.script('cd "$RCQ_JOB_DIR"; echo $RCQ_ARRAY_INDEX >>in.txt; cat in.txt', array="0-4", files=files)
    for index in range(5):
        assert admin.ended(first + index)["state"] == "completed"
        assert admin.log(first + index) == f"shared\n{index}\n"
        assert admin.job(first + index)["files"][0]["size"] == 7
    assert uploads(admin)[0]["jobs"] == 1
    assert (engine.state / "staged" / number).read_bytes() == b"shared\n"


def test_what_a_job_left_stays_and_what_is_missing_comes_again(engine: Engine, admin: Person) -> None:
    files = [{"name": name, "upload": upload(admin, b"fresh\n")} for name in ("kept", "lost")]
    text = 'cd "$RCQ_JOB_DIR"; cat kept lost; echo changed >kept; rm lost; [ "$RCQ_ATTEMPT" = 2 ]'
    job = admin.script(text, retries=1, files=files)
    assert admin.ended(job)["state"] == "completed"
    assert admin.log(job) == "fresh\nfresh\nchanged\nfresh\n"


def test_only_ones_own_uploads_can_be_given(engine: Engine, admin: Person) -> None:
    ann, bob = (engine.someone(admin, name, "bio") for name in ("ann", "bob"))
    number = upload(ann, b"secret")
    body = {"command": ["true"], "files": [{"name": "a", "upload": number}]}
    for person in (bob, admin):
        answer = person.ask("POST", "/v1/jobs", json=body)
        assert answer.status_code == 422
        assert answer.json()["error"]["details"][0]["field"] == "files.0.upload"
        assert person.ask("POST", "/v1/jobs", params={"dry_run": 1}, json=body).status_code == 422
        assert person.refusal("DELETE", f"/v1/uploads/{number}") == "NOT_FOUND"
        assert uploads(person) == []
    assert ann.post("/v1/jobs", body)["count"] == 1


def test_ingest_takes_the_lines_whose_files_are_there(engine: Engine, admin: Person) -> None:
    number = upload(admin, b"1")
    head = "job_id,command,files\n"
    cell = '"[{""name"": ""a"", ""upload"": ""%s""}]"'
    table = head + "".join(f'{key},"[""true""]",{cell % what}\n' for key, what in (("a", number), ("b", "0" * 32)))
    answer = admin.ask("POST", "/v1/ingest", params={"format": "csv"}, content=table.encode()).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert (answer["errors"][0]["line"], answer["errors"][0]["code"]) == (3, "VALIDATION_ERROR")


def test_an_unused_upload_is_removed_by_who_sent_it(engine: Engine, admin: Person) -> None:
    number = upload(admin, b"")
    assert staged(engine) == [number]
    assert admin.ask("DELETE", f"/v1/uploads/{number}").json() == {"ok": True}
    assert (staged(engine), uploads(admin)) == ([], [])
    assert admin.refusal("DELETE", f"/v1/uploads/{number}") == "NOT_FOUND"
    actions = [one["action"] for one in admin.get("/v1/audit")["items"]][:2]
    assert actions == ["upload.remove", "upload.add"]


def test_a_quota_holds_while_it_arrives(engine: Engine, admin: Person) -> None:
    ann = engine.someone(admin, "ann", "bio")
    admin.ask("PATCH", "/v1/accounts/ann", json={"quota": {"staged_mb": 1}}).raise_for_status()
    upload(ann, b"x" * 600_000)
    assert ann.refusal("POST", "/v1/uploads", content=b"x" * 600_000) == "QUOTA_EXCEEDED"
    assert ann.refusal("POST", "/v1/uploads", content=iter([b"x" * 300_000] * 9)) == "QUOTA_EXCEEDED"
    assert len(staged(engine)) == 1
    upload(ann, b"x" * 400_000)  # what was refused counts no more


def test_nothing_is_left_of_an_upload_that_breaks_off(engine: Engine, admin: Person, until: Callable[..., Any]) -> None:
    import socket

    token = admin.http.headers["Authorization"]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(engine.socket))
        head = f"POST /v1/uploads HTTP/1.1\r\nHost: rcq\r\nAuthorization: {token}\r\nContent-Length: 9000000\r\n\r\n"
        line.sendall(head.encode() + b"x" * 2_000_000)
        until(lambda: [name for name in staged(engine) if name.startswith(".new-")])
    until(lambda: staged(engine) == [])
    assert uploads(admin) == []


def test_an_engine_that_stops_says_so_to_who_sends_and_who_fetches(
    engine: Engine, admin: Person, until: Callable[..., Any]
) -> None:
    import socket

    def begin(line: socket.socket, what: str) -> None:
        line.settimeout(20)
        line.connect(str(engine.socket))
        line.sendall(
            f"{what} HTTP/1.1\r\nHost: rcq\r\nAuthorization: {admin.http.headers['Authorization']}\r\n".encode()
        )

    job = admin.script('head -c 5000000 /dev/urandom >"$RCQ_JOB_DIR/large"')
    admin.ended(job)
    with socket.socket(socket.AF_UNIX) as sender, socket.socket(socket.AF_UNIX) as fetcher:
        begin(fetcher, f"GET /v1/jobs/{job}/results")
        fetcher.sendall(b"\r\n")
        assert fetcher.recv(15) == b"HTTP/1.1 200 OK"
        begin(sender, "POST /v1/uploads")
        sender.sendall(b"Content-Length: 9000000\r\n\r\n" + b"x" * 2_000_000)
        until(lambda: [name for name in staged(engine) if name.startswith(".new-")])
        assert engine.end() == 0
        answer = sender.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"SERVICE_NOT_READY"' in answer
    assert staged(engine) == []
    assert "Traceback" not in (engine.root / "engine.log").read_text()


def test_a_full_disk_refuses_and_keeps_its_reserve(launch: Callable[..., Engine]) -> None:
    engine = launch(SETTINGS.replace("grace_s = 1.0", "grace_s = 1.0\ndisk_reserve_mb = 1000000000"))
    admin = engine.admin()
    assert admin.refusal("POST", "/v1/uploads", content=b"x") == "SERVICE_NOT_READY"
    assert staged(engine) == []


def test_originals_that_are_gone_fail_the_job_in_words(engine: Engine, admin: Person) -> None:
    """As after a restore of the database alone."""
    number = upload(admin, b"x")
    (engine.state / "staged" / number).unlink()
    job = admin.submit("true", files=[{"name": "a.txt", "upload": number}])
    ended = admin.ended(job)
    assert (ended["state"], ended["cause"]) == ("failed", "launch-error")
    assert "a.txt is gone" in ended["message"]


def test_files_in_the_way_are_told_in_words(engine: Engine, admin: Person, tmp_path: Path) -> None:
    """A directory that is a link by the second attempt leads nothing anywhere."""
    number = upload(admin, b"x")
    text = f'cd "$RCQ_JOB_DIR"; rm -r sub; ln -s {tmp_path} sub; exit 1'
    job = admin.script(text, retries=1, files=[{"name": "sub/a", "upload": number}])
    ended = admin.ended(job)
    assert (ended["cause"], ended["attempt"]) == ("launch-error", 2)
    assert "sub/a" in ended["message"]
    assert not (tmp_path / "a").exists()


def test_uploads_outlive_the_engine(engine: Engine, admin: Person) -> None:
    number = upload(admin, b"still here\n")
    (engine.state / "staged" / (".new-" + "0" * 32)).write_bytes(b"half")
    job = admin.submit("cat", "in", files=[{"name": "in", "upload": number}], begin=4e9)
    engine.end(9)
    engine.start()
    assert staged(engine) == [number]
    assert admin.refusal("PATCH", f"/v1/jobs/{job}", json={"files": []}) == "VALIDATION_ERROR"
    admin.ask("PATCH", f"/v1/jobs/{job}", json={"begin": None}).raise_for_status()
    assert admin.ended(job)["state"] == "completed"
    assert admin.log(job) == "still here\n"


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "stdout.log", "claim-1", ".rcq-coming", "a/..", "a\n", "x" * 256]
)
def test_names_that_lead_elsewhere_are_refused(engine: Engine, admin: Person, name: str) -> None:
    body = {"command": ["true"], "files": [{"name": name, "upload": upload(admin, b"x")}]}
    answer = admin.ask("POST", "/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "files.0.name"


def test_the_command_line_sends_a_persons_files(
    engine: Engine, admin: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("of mine\n")
    script = tmp_path / "job.sh"
    script.write_text('#!/bin/bash\n#RCQ --file in.txt\ncat "$RCQ_JOB_DIR/in.txt" "$RCQ_JOB_DIR/conf/b"\n')
    job = int(engine.rcq(admin, "submit", "--file", "conf/b=in.txt", str(script)))
    assert admin.ended(job)["state"] == "completed"
    assert admin.log(job) == "of mine\nof mine\n"
    assert "in.txt (8B)" in engine.rcq(admin, "show", str(job))
    assert [one["jobs"] for one in uploads(admin)] == [1]
    engine.rcq(admin, "submit", "--file", "in.txt", "--gpus", "99", "true", code=1)
    assert len(uploads(admin)) == 1


def test_an_engine_that_is_killed_while_it_places_a_file_places_it_whole(
    engine: Engine, admin: Person, until: Callable[..., Any]
) -> None:
    size = 200_000_000
    pieces = (bytes(1_000_000) for _ in range(200))  # in one piece httpx would copy all of it with every packet
    number = admin.ask("POST", "/v1/uploads", content=pieces).json()["upload"]
    job = admin.script('stat -c %s "$RCQ_JOB_DIR/big"; ls -A "$RCQ_JOB_DIR"', files=[{"name": "big", "upload": number}])
    place = engine.state / "jobs" / str(job)
    until(lambda: (place / ".rcq-coming").exists() or (place / "big").exists())
    engine.end(9)
    assert engine.start()
    assert admin.ended(job)["state"] == "completed"
    said = admin.log(job).splitlines()
    assert said[0] == str(size)
    assert ".rcq-coming" not in said
    assert admin.job(job)["attempt"] == 1
