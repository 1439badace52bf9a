"""Records are files that a job can write too: what no shepherd of ours would say is no record."""

import json
import os
from pathlib import Path

import pytest

from engine.core.model import JobId
from engine.executor import endings, records
from engine.ports import Ending, Running
from tests.executor.conftest import Engine

GOOD = {"attempt": 1, "cause": "exit", "exit_code": 3, "signal": None, "started_at": 5.0, "ended_at": 6.5}


def written(directory: Path, text: str) -> Ending | None:
    (directory / "exit").write_text(text)
    handle = records.open_directory(str(directory))
    try:
        return endings.written(JobId("1"), 1, handle)
    finally:
        os.close(handle)


def test_what_a_shepherd_writes_is_believed(tmp_path: Path) -> None:
    found = written(tmp_path, json.dumps(GOOD))
    assert found is not None
    assert (found.cause, found.exit_code, found.signal, found.started_at, found.ended_at) == ("exit", 3, None, 5.0, 6.5)


@pytest.mark.parametrize("number", ["1e400", "NaN", "-Infinity", "9" * 400, "1e300", "-1", "true", '"1"'])
@pytest.mark.parametrize("field", ["exit_code", "signal", "started_at", "ended_at"])
def test_numbers_that_no_shepherd_writes_make_it_no_record(tmp_path: Path, field: str, number: str) -> None:
    record = {**GOOD, field: "@"}
    assert written(tmp_path, json.dumps(record).replace('"@"', number)) is None


def test_the_record_of_another_job_is_none(tmp_path: Path) -> None:
    """Its owner may move one of the engine's own from job to job."""
    assert written(tmp_path, json.dumps(GOOD | {"job": "2"})) is None
    assert written(tmp_path, json.dumps(GOOD | {"job": "1"})) is not None


def test_what_a_later_attempt_left_is_not_written_over(tmp_path: Path) -> None:
    """Books from before an attempt ask for the one before it."""
    for attempt, stands in ((1, 1), (3, 3), (2, 3), (3, 3)):
        endings.write(endings.unlaunched(JobId("1"), attempt, "no"), tmp_path)
        assert json.loads((tmp_path / "exit").read_text())["attempt"] == stands


def test_a_message_that_is_no_text_can_be_kept_all_the_same(tmp_path: Path) -> None:
    found = written(tmp_path, json.dumps({**GOOD, "message": "a\ud800b"}))
    assert found is not None
    assert found.message is not None
    assert found.message.encode() == b"a?b"


@pytest.mark.parametrize("number", ["1e400", "9" * 400, "-1"])
@pytest.mark.parametrize("field", ["started_at", "pid", "pid_start"])
async def test_a_job_that_spoils_its_run_record_does_not_stop_the_next_engine(
    engine: Engine, field: str, number: str
) -> None:
    await engine.start("sh", "-c", "echo ready; sleep 300")
    await engine.said("ready")
    await engine.executor.close()
    run = engine.root / "jobs" / "1" / "run-1.json"
    record = {**json.loads(run.read_text()), field: "@"}
    run.write_text(json.dumps(record).replace('"@"', number))
    second = await Engine(engine.root).open()
    found = await second.executor.adopt(JobId("1"), 1, run.parent)
    assert isinstance(found, Running)
    await second.stop(grace_s=0.1)
    ending = await second.end_of()
    assert ending.cause == "cancelled"
    await second.executor.close()
