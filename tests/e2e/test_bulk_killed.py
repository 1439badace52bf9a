"""kill -9 of the engine in mid-ingest, ten times: what it told of is there, and a run again adds what is missing."""

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.protocol.errors import Unreachable
from rcq_tui.client.wire import Wire

LINES, KILLS, TOLD = 60_000, 10, 4_000
JOB = '{{"job_id":"sweep-{0}","command":["train","{0}"],"gpus":2,"time_limit_s":3600}}\n'


def acknowledged(admin: Any, engine: Any, file: Path) -> int:
    """Accepted lines that the engine told of until it was killed, as soon as it had told of `TOLD`."""
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    told, source = 0, os.open(file, os.O_RDONLY)
    try:
        query = {"format": "ndjson", "progress": 1, "resume": 1}
        for said in Wire(str(engine.socket), token).upload("/v1/ingest", query, source, "application/x-ndjson"):
            assert "report" not in said, "it was over before the kill"
            told = said["progress"]["accepted"]
            if told >= TOLD:
                engine.end(signal.SIGKILL)
    except Unreachable:
        assert told >= TOLD, "it went before the kill"
    finally:
        os.close(source)
    return int(told)


@pytest.mark.e2e
@pytest.mark.slow
def test_no_acknowledged_line_is_lost_and_none_comes_twice(engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "sweep.ndjson"
    file.write_text("".join(JOB.format(at) for at in range(LINES)))
    admin = engine.admin()
    admin.submit("sleep", "600", gpus=2)
    before, beyond = 0, 0
    for _ in range(KILLS):
        told = acknowledged(admin, engine, file)
        engine.start()
        there = admin.get("/v1/stats")["jobs"]["pending"]
        assert there >= before + told, "an acknowledged line is lost"
        beyond += there - before - told
        before = there
    report = admin.ask("POST", "/v1/ingest", params={"resume": 1}, content=file.read_bytes()).json()
    assert (report["accepted"], report["known"], report["rejected"]) == (LINES - before, before, 0)
    engine.end()
    with sqlite3.connect(engine.state / "rcq.db") as database:
        ((rows, keys),) = database.execute("SELECT count(*), count(DISTINCT job_id) FROM jobs WHERE job_id NOT NULL")
    assert rows == keys == LINES
    print(f"{KILLS} kills: {before} lines were there, {beyond} of them not yet told; {report['accepted']} were added")
