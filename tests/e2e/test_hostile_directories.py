"""What a job leaves in its directory is hostile: every reader of a real engine meets it, tells nothing, stands nothing
in its way, and the engine goes on."""

import io
import json
import os
import zipfile

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECRET = "s3cret-of-the-engine"
TRAPS = {
    "links": "rm stdout.log; ln -s {db} stdout.log; ln -s {root}/secret stderr2; ln -s . loop; ln -s / all; "
    "ln -s /proc/self/mem mem; ln -sf {root}/secret exit",
    "hard links": "ln {db} hard.db; rm -f stderr.log; ln {root}/secret stderr.log",
    "pipes": "rm stdout.log stderr.log; mkfifo stdout.log stderr.log pipe",
    "directories": "rm stdout.log stderr.log; mkdir -p stdout.log/x stderr.log script.d exit/x stop-1 run-1.json.d",
    "sparse": "truncate -s 8E huge || truncate -s 1T huge; truncate -s 1T stdout.log",
    "names": "touch \"$(printf 'a\\nb\\033[31m\\377')\" \"$(printf '\\342\\200\\256x')\" -- -rf '*' 'C:\\x'; "
    "touch ' '; mkdir ..x",
    "modes": "mkdir shut; touch shut/x stdout2; chmod 000 shut stdout.log stderr.log; chmod 555 .",
    "many": "i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done",
    "deep": "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done",
    "records": "echo '{{\"attempt\": 99, \"cause\": \"exit\"}}' > exit; head -c 100000 /dev/zero > run-9.json; "
    "echo '{{\"stdout\": 1e999, \"stderr\": -1}}' > logs-2.json; echo nan > stop-2; mkdir claim-2",
    "sockets": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"stdout.sock\")'; rm stdout.log; "
    "mv stdout.sock stdout.log",
    "gone": "mv \"$PWD\" {root}/elsewhere; ln -s {root}/private \"$OLDPWD/$RCQ_JOB_ID\" 2>/dev/null || "
    "ln -s {root}/private {state}/jobs/$RCQ_JOB_ID",
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_every_reader_meets_a_trap(engine, admin, until, trap):
    (engine.root / "secret").write_text(SECRET)
    private = engine.root / "private"
    private.mkdir()
    for name in ("stdout.log", "stderr.log", "exit"):
        (private / name).write_text(SECRET)
    script = TRAPS[trap].format(db=engine.state / "rcq.db", root=engine.root, state=engine.state)
    job = admin.script(f'cd "$RCQ_JOB_DIR"; {script}; exit 3', gpus=1, retries=0)
    assert admin.ended(job)["state"] == "failed"
    readers = [
        *(f"jobs/{job}/log?stream={stream}&offset={at}" for stream in ("stdout", "stderr") for at in (0, -4096)),
        f"jobs/{job}", f"jobs/{job}/why", "jobs", "stats",
    ]  # fmt: skip
    for path in readers:
        answer = admin.ask("GET", f"/v1/{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert SECRET not in answer.text, path
        assert "SQLite format" not in answer.text, path
    results = admin.ask("GET", f"/v1/jobs/{job}/results")
    assert results.status_code < 500, results.text
    if results.status_code == 200:
        with zipfile.ZipFile(io.BytesIO(results.content)) as archive:
            small = [one for one in archive.infolist() if one.file_size < 1_000_000]
            inside = b"".join(map(archive.read, small))
            assert all(not name.startswith("/") and ".." not in name.split("/") for name in archive.namelist())
            assert SECRET.encode() not in inside
            assert b"SQLite format" not in inside
    again = admin.ask("POST", f"/v1/jobs/{job}/requeue")
    assert again.status_code == 200, again.text
    admin.ended(job)
    assert engine.end() == 0
    engine.start()
    assert admin.get("/healthz")["status"] in {"ok", "starting"}
    other = admin.submit("true")
    assert admin.ended(other)["state"] == "completed"
    assert [(private / name).read_text() for name in ("stdout.log", "stderr.log", "exit")] == [SECRET] * 3
    assert (engine.root / "secret").read_text() == SECRET
    logged = (engine.root / "engine.log").read_text()
    assert SECRET not in logged
    assert "Traceback" not in logged, logged
    assert "incident" not in logged
    assert json.loads(admin.ask("GET", "/v1/me").text)["account"] == "root"
    os.system(f"chmod -R u+rwx {engine.root}/state/jobs 2>/dev/null")  # noqa: S605 - for who cleans up after the test
