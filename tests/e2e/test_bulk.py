"""A large file with bad lines in it goes in through `rcq ingest`, and the engine still answers meanwhile."""

import json
import os
import subprocess
import sys
import threading

import pytest

LINES, EVERY = 100_000, 100
BAD = {
    "BAD_FORMAT": [b'{"command": ["true"]', b"[1, 2, 3]", b"no json at all"],
    "BAD_ENCODING": [b'{"command": ["true"], "name": "\xff\xfe"}'],
    "DUPLICATE_JOB": [b'{"command": ["true"], "job_id": "twice"}'],
    "IMPOSSIBLE_REQUEST": [b'{"command": ["true"], "gpus": 99}'],
    "VALIDATION_ERROR": [
        b'{"command": ["true"], "gpsu": 1}',
        b'{"command": ["true"], "priority": 11}',
        b'{"gpus": 1}',
        b'{"command": "true"}',
    ],
}
BAD_LINES = [(code, line) for code, lines in BAD.items() for line in lines]


def write_sweep(path):
    """100,000 lines; each hundredth is bad, in ten ways in turn. Returns line number -> code."""
    expected = {}
    with path.open("wb") as file:
        for number in range(1, LINES + 1):
            if number % EVERY:
                key = "twice" if number == 1 else f"sweep-{number}"
                job = {"job_id": key, "command": ["train", str(number)], "gpus": 2, "time_limit_s": 3600}
                file.write(json.dumps(job).encode() + b"\n")
            else:
                code, line = BAD_LINES[number // EVERY % len(BAD_LINES)]
                expected[number] = code
                file.write(line + b"\n")
    return expected


@pytest.mark.e2e
@pytest.mark.slow
def test_good_lines_go_in_bad_ones_are_named_and_the_queue_answers(engine, tmp_path):
    admin = engine.admin()
    admin.submit("sleep", "600", gpus=2)  # holds both cards, so that nothing of the sweep starts
    expected = write_sweep(tmp_path / "sweep.ndjson")
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    environ = os.environ | {"RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token}

    def rcq(*words):
        return subprocess.run(
            [sys.executable, "-m", "rcq_tui.cli.main", *words],
            check=False,
            env=environ,
            capture_output=True,
            text=True,
            timeout=100,
        )

    answers, done = [], threading.Event()

    def watch():
        while not done.is_set():
            answers.append(rcq("queue", "--limit", "5").returncode)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        ran = rcq("ingest", str(tmp_path / "sweep.ndjson"), "--errors", str(tmp_path / "errors.ndjson"), "--json")
    finally:
        done.set()
        watcher.join()
    report = json.loads(ran.stdout)
    assert ran.returncode == 3, ran.stderr
    assert (report["accepted"], report["rejected"]) == (LINES - LINES // EVERY, LINES // EVERY)
    errors = [json.loads(line) for line in (tmp_path / "errors.ndjson").read_text().splitlines()]
    assert {error["line"]: error["code"] for error in errors} == expected
    assert len(answers) > 3
    assert set(answers) == {0}
    assert admin.get("/v1/stats")["jobs"]["pending"] == LINES - LINES // EVERY


def sweep(*keys, **more):
    return b"".join(
        json.dumps({"job_id": key, "command": ["true"], "gpus": 2, **more}).encode() + b"\n" for key in keys
    )


@pytest.mark.e2e
def test_a_file_that_is_sent_again_adds_only_what_is_missing_and_says_so(engine):
    admin = engine.admin()
    admin.submit("sleep", "600", gpus=2)

    def ingest(body, **query):
        answer = admin.ask("POST", "/v1/ingest", params=query, content=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    rich = {"environment": {"SEED": "1"}, "tags": {"of": "it"}, "array": "0-9%2", "time_limit_s": 60}
    first = ingest(sweep("a", "b") + sweep("c", **rich))
    assert (first["accepted"], first["known"], first["last_id"]) == (3, 0, 13)
    again = ingest(sweep("a", "b") + sweep("c", **rich) + sweep("d"), resume=1)
    assert (again["accepted"], again["rejected"], again["known"], again["errors"]) == (1, 0, 3, [])
    plain = ingest(sweep("a", "b") + sweep("c", **rich) + sweep("d"), dry_run=1)
    assert (plain["accepted"], plain["rejected"], plain["known"]) == (0, 4, 4)
    assert admin.ask("PATCH", "/v1/jobs/2", json={"priority": 9}).status_code == 200
    other = ingest(sweep("a", "b", "b", "e"), resume=1)
    assert (other["accepted"], other["rejected"], other["known"]) == (1, 2, 1)
    assert [(error["line"], error["details"][0].get("differs")) for error in other["errors"]] == [
        (1, ["priority"]),
        (3, None),
    ]
    assert admin.get("/v1/stats")["jobs"]["pending"] == 2 + 10 + 2
