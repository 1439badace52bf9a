"""`rcq ingest` and a real engine: packed, mended, interrupted, the engine killed; at the end each job is there once."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import until

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bulk.md").read_text(encoding="utf-8")


def job(number: int) -> str:
    return json.dumps({"job_id": f"k{number}", "command": ["true"], "gpus": 2}) + "\n"


def waiting(person) -> int:
    return person.get("/v1/stats")["jobs"]["pending"]


@pytest.fixture
def admin(engine):
    """Somebody whose jobs all wait: both cards are held."""
    person = engine.admin()
    person.wait_for(person.submit("sleep", "600", gpus=2), "running")
    return person


@pytest.fixture
def begun(engine, admin, tmp_path):
    """Starts an ingest of a FIFO that gets 2,500 lines and half a one; gives its process when all of them are in."""
    started = []

    def start():
        fifo = tmp_path / "sweep.ndjson"
        os.mkfifo(fifo)
        token = admin.http.headers["Authorization"].removeprefix("Bearer ")
        command = [sys.executable, "-P", "-m", "rcq_tui.cli.main", "ingest", str(fifo)]
        process = subprocess.Popen(
            ["env", "--default-signal=INT", *command],
            env={**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        writer = fifo.open("w")
        started.append((process, writer))
        writer.write("".join(job(number) for number in range(2500)) + job(2500)[:20])
        writer.flush()
        until(lambda: waiting(admin) == 2500)
        return process

    yield start
    for process, writer in started:
        process.kill()
        process.communicate()
        writer.close()


def resumed(engine, person, path: Path) -> str:
    path.write_bytes(gzip.compress("".join(job(number) for number in range(4000)).encode()))
    return engine.rcq(person, "ingest", str(path), "--resume")


def test_an_interrupted_ingest_is_reported_and_resumed(engine, admin, begun, tmp_path):
    process = begun()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, waiting(admin)) == (130, 2500)
    assert out.startswith("interrupted after 2500 lines: 2500 accepted, 0 rejected")
    told = resumed(engine, admin, tmp_path / "again.ndjson.gz")
    assert told.startswith("2500 were there already, 1500 added, 0 rejected")
    assert waiting(admin) == 4000


def test_a_killed_engine_keeps_what_it_told_of(engine, admin, begun, tmp_path):
    process = begun()
    engine.end(signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 8
    (told,) = re.findall(r"told of (\d+) accepted and 0 rejected lines", err)
    assert "Run the same command again with --resume" in err
    engine.start()
    kept = waiting(admin)
    assert int(told) <= kept <= 2500
    assert resumed(engine, admin, tmp_path / "again.ndjson.gz").startswith(f"{kept} were there already, {4000 - kept} ")
    assert waiting(admin) == 4000


def ndjson(number: int) -> bytes:
    return (job(number).replace("gpus", "gpsu") if number % 10 == 0 else job(number)).encode()


def record(number: int) -> bytes:
    return b'k%d,"echo ""%d""\ntrue",%s\n' % (number, number, b"two" if number % 10 == 0 else b"2")


BAD = {
    "sweep.ndjson.gz": gzip.compress(b"".join(map(ndjson, range(3000)))),
    "sweep.csv.zst": zstd.compress(b"job_id,script,gpus\n" + b"".join(map(record, range(3000)))),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_an_error_file_is_mended_with_sed_and_ingested(engine, admin, tmp_path, name):
    sweep, bad = tmp_path / name, tmp_path / "bad.ndjson"
    sweep.write_bytes(BAD[name])
    told = engine.rcq(admin, "ingest", str(sweep), "--errors", str(bad), code=3)
    assert told.startswith("2700 accepted, 300 rejected")
    assert engine.rcq(admin, "ingest", str(bad), code=1).startswith("0 accepted, 300 rejected")
    subprocess.run(["sed", "-i", "s/gpsu/gpus/g; s/,two/,2/", str(bad)], check=True)
    assert engine.rcq(admin, "ingest", str(bad), "--dry-run").startswith("300 would be accepted")
    assert engine.rcq(admin, "ingest", str(bad)).startswith("300 accepted, 0 rejected")
    assert engine.rcq(admin, "ingest", str(bad), "--resume").startswith("300 were there already, 0 added, 0 rejected")
    assert waiting(admin) == 3000


def test_a_file_that_is_cut_off_is_resumed_with_the_whole_one(engine, admin, tmp_path):
    sweep = tmp_path / "sweep.csv.zst"
    rows = b"".join(b'k%d,"echo %d\ntrue"\n' % (at, at * 7919 % 100_003) for at in range(30_000))
    whole = zstd.compress(b"job_id,script\n" + rows)
    sweep.write_bytes(whole[: len(whole) * 3 // 4])
    report = json.loads(engine.rcq(admin, "ingest", str(sweep), "--json", code=1))
    assert report["rejected"] == 0
    assert 0 < report["accepted"] == waiting_or_done(admin) < 30_000
    sweep.write_bytes(whole)
    report = json.loads(engine.rcq(admin, "ingest", str(sweep), "--resume", "--json"))
    assert (report["known"] + report["accepted"], report["rejected"]) == (30_000, 0)


def waiting_or_done(person) -> int:
    """All jobs but the one that holds the cards."""
    return sum(person.get("/v1/stats")["jobs"].values()) - 1


def test_the_sweep_of_the_page_is_taken_in(engine, admin, tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    sweep = str(tmp_path / "sweep.ndjson")
    assert engine.rcq(admin, "ingest", sweep, "--dry-run") == "600 would be accepted, 0 would be rejected\n"
    assert engine.rcq(admin, "ingest", sweep).startswith("600 accepted, 0 rejected")
    assert waiting(admin) == 600
