"""Who lost the answer to a submission repeats it under the same key and learns of the job that there is: one, ever."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
JOB = {"command": ["true"], "begin": 4e9, "job_id": "mine"}


def told(answer: Any) -> int:
    """The id of the job that there is, out of a refusal."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "DUPLICATE_JOB")
    return int(error["details"][0]["id"])


def test_a_repeat_names_the_job_everywhere_and_after_kill_9(engine: Any, admin: Any, tmp_path: Path) -> None:
    first = admin.post("/v1/jobs", JOB)["id"]
    array = admin.post("/v1/jobs", {**JOB, "job_id": "sweep", "array": "0-9"})["id"]
    for _ in range(2):
        assert told(admin.ask("POST", "/v1/jobs", json=JOB)) == first
        assert told(admin.ask("POST", "/v1/jobs", params={"dry_run": 1}, json=JOB)) == first
        assert told(admin.ask("POST", "/v1/jobs", json={**JOB, "job_id": "sweep", "array": "0-9"})) == array
        assert told(admin.ask("POST", "/v1/jobs", json={**JOB, "job_id": "sweep"})) == array
        assert told(admin.ask("POST", "/v1/jobs", json={**JOB, "job_id": "sweep[3]"})) == array + 3
        batch = admin.post("/v1/jobs/batch", {"jobs": [JOB, {**JOB, "job_id": "sweep"}]})
        assert [error["details"][0]["id"] for error in batch["errors"]] == [first, array]
        lines = json.dumps(JOB).encode() + b"\n"
        report = admin.ask("POST", "/v1/ingest", content=lines * 2).json()
        assert [error["details"][0]["id"] for error in report["errors"]] == [first, first]
        (tmp_path / "one.ndjson").write_bytes(lines)
        engine.rcq(admin, "ingest", str(tmp_path / "one.ndjson"), code=1)
        engine.end(signal.SIGKILL)
        engine.start()
    assert admin.get("/v1/stats")["jobs"]["pending"] == 11


def test_two_connections_at_once_make_one_job(engine: Any, admin: Any, person: Any) -> None:
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    start, answers = threading.Barrier(8), []

    def submit() -> None:
        mine = person(engine.socket, token)
        start.wait(10)
        answers.append(mine.ask("POST", "/v1/jobs", json=JOB))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    assert [told(answer) for answer in answers if answer.status_code != 201] == made * 7


def test_the_command_line_tells_the_id(engine: Any, admin: Any) -> None:
    first = int(engine.rcq(admin, "submit", "--job-id", "mine", "--begin", "2099-01-01", "true"))
    engine.rcq(admin, "submit", "--job-id", "mine", "--begin", "2099-01-01", "true", code=7)
    assert f"job {first} with job_id mine already" in told_by(engine, admin)


def told_by(engine: Any, admin: Any) -> str:
    return str(admin.ask("POST", "/v1/jobs", json=JOB).json()["error"]["message"])
