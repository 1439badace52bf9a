"""Code captured at submission: the job runs it whatever becomes of the repository, and again when it is redone."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def git(place: Path, *words: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    command = ["git", *who, "-C", str(place), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def repository(place: Path) -> Path:
    (place / "src").mkdir(parents=True)
    (place / "src" / "main.py").write_text("import part; print('one', part.VALUE)\n")
    (place / "src" / "part.py").write_text("VALUE = 1\n")
    (place / ".gitignore").write_text("*.bin\n__pycache__\n")
    git(place, "init", "-q", "-b", "main")
    git(place, "remote", "add", "origin", "https://ada:secret@example.org/x.git")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "first")
    return place


def rcq(engine: Any, person: Any, cwd: Path, *words: str, code: int = 0) -> str:
    token = person.http.headers["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token, "COLUMNS": "160"}
    command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", *words]
    ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == code, ran.stderr
    return ran.stdout if code == 0 else ran.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


def test_a_waiting_job_runs_the_code_of_its_submission(engine: Any, admin: Any, place: Path) -> None:
    commit = git(place, "rev-parse", "HEAD")
    (place / "src" / "part.py").write_text("VALUE = 2\n")
    (place / "src" / "new.py").write_text("import main\n")
    (place / "data.bin").write_bytes(b"x" * 1000)
    (place / "link").symlink_to("src/part.py")
    number = int(
        rcq(engine, admin, place / "src", "submit", "--snapshot", "--begin", "now+1h", sys.executable, "main.py")
    )
    index = git(place, "status", "--porcelain")
    (place / "src" / "part.py").write_text("VALUE = 3\n")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "second")
    assert index.splitlines() == ["M src/part.py", "?? link", "?? src/new.py"]
    answer = admin.ask("PATCH", f"/v1/jobs/{number}", json={"begin": None})
    assert answer.status_code == 200, answer.text
    job = admin.ended(number)
    assert (job["state"], admin.log(number)) == ("completed", "one 2\n"), admin.log(number, "stderr")
    code = engine.state / "jobs" / str(number) / "code"
    assert sorted(str(one.relative_to(code)) for one in code.rglob("*") if "__pycache__" not in str(one)) == [
        ".gitignore", "link", "src", "src/main.py", "src/new.py", "src/part.py",
    ]  # fmt: skip
    assert str((code / "link").readlink()) == "src/part.py"
    snapshot = job["snapshot"]
    assert (snapshot["commit"], snapshot["branch"], snapshot["dirty"]) == (commit, "main", True)
    assert (snapshot["remote"], snapshot["subdir"]) == ("https://example.org/x.git", "src")
    assert snapshot["environment"]["python"].startswith("3.")
    diff = admin.ask("GET", f"/v1/jobs/{number}/diff").text
    assert "+VALUE = 2" in diff
    assert "+import main" in diff
    shown = rcq(engine, admin, place, "show", str(number))
    assert f"{commit[:12]} on main, changed" in shown
    assert "+VALUE = 2" in rcq(engine, admin, place, "show", str(number), "--diff")


def test_redo_runs_the_same_code_again(engine: Any, admin: Any, place: Path) -> None:
    words = ("submit", "--snapshot", "--wait", "--name", "x", "--job-id", "key", "--file", "in.bin=/etc/hostname", "--")
    command = ("sh", "-c", f"{sys.executable} src/main.py; cat $RCQ_JOB_DIR/in.bin")
    number = int(rcq(engine, admin, place, *words, *command))
    (place / "src" / "part.py").write_text("VALUE = 9\n")
    git(place, "commit", "-q", "-a", "-m", "second")
    again = int(rcq(engine, admin, place, "redo", str(number)))
    job = admin.ended(again)
    assert again != number
    assert (job["state"], job["redo_of"], job["job_id"]) == ("completed", number, None)
    assert admin.log(again) == admin.log(number) != ""
    third = json.loads(rcq(engine, admin, place, "redo", "--json", str(again)))
    assert admin.ended(third["id"])["redo_of"] == again


def test_redo_is_for_the_owner_and_for_what_is_still_there(engine: Any, admin: Any) -> None:
    ada, bob = engine.someone(admin, "ada", "vision"), engine.someone(admin, "bob", "vision")
    number = ada.submit("true")
    assert bob.refusal("POST", f"/v1/jobs/{number}/redo") == "JOB_NOT_FOUND"
    assert admin.refusal("POST", f"/v1/jobs/{number}/redo") == "FORBIDDEN"
    assert ada.refusal("GET", f"/v1/jobs/{number}/diff") == "NOT_FOUND"
    assert ada.ended(ada.post(f"/v1/jobs/{number}/redo")["id"])["state"] == "completed"


def test_one_element_is_redone_alone(admin: Any) -> None:
    first = admin.script("echo $RCQ_ARRAY_INDEX", array="3-5")
    again = admin.post(f"/v1/jobs/{first + 1}/redo")["id"]
    admin.ended(again)
    assert admin.log(again) == "4\n"


def test_submodules_and_deleted_files(engine: Any, admin: Any, place: Path, tmp_path: Path) -> None:
    repository(tmp_path / "lib")
    git(place, "submodule", "add", "-q", str(tmp_path / "lib"), "lib")
    git(place, "commit", "-q", "-m", "lib")
    (place / "src" / "part.py").unlink()
    number = int(rcq(engine, admin, place, "submit", "--snapshot", "--wait", "--", "sh", "-c", "ls src lib/src"))
    assert admin.log(number).split() == ["lib/src:", "main.py", "part.py", "src:", "main.py"]


def test_what_cannot_be_captured_is_said(engine: Any, admin: Any, tmp_path: Path) -> None:
    told = rcq(engine, admin, tmp_path, "submit", "--snapshot", "true", code=2)
    assert "is in no git repository" in told
    assert (
        admin.refusal("POST", "/v1/jobs", json={"command": ["x"], "snapshot": {"upload": "0" * 32}})
        == "VALIDATION_ERROR"
    )
    assert admin.get("/v1/uploads")["items"] == []


def test_a_damaged_or_hostile_archive_is_a_launch_error(admin: Any, tmp_path: Path) -> None:
    def packed(*members: tarfile.TarInfo) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tree:
            for one in members:
                tree.addfile(one, io.BytesIO(b"x" * one.size) if one.isreg() else None)
        return out.getvalue()

    def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
        one = tarfile.TarInfo(name)
        one.type, one.linkname, one.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
        return one

    bad = {
        "leads elsewhere": packed(member("../../evil")),
        "Not a directory": packed(member("d", tarfile.SYMTYPE, str(tmp_path)), member("d/evil")),
        "damaged": packed(member("x"))[:40],
        "Not a gzip": b"no archive",
    }
    for told, data in bad.items():
        upload = admin.http.post("/v1/uploads", content=data).json()["upload"]
        number = admin.submit("true", snapshot={"upload": upload})
        job = admin.ended(number)
        assert (job["state"], job["cause"]) == ("failed", "launch-error"), told
        assert "code" in job["message"] or "evil" in job["message"], job["message"]
    assert list(tmp_path.glob("**/evil")) == []
