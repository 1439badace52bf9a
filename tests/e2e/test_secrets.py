"""What is secret goes into an engine in every way there is, by good requests and bad ones; it comes out nowhere else.

The engine's log is at its most talkative. Files of the engine are closed to others.
"""

import gzip
import json
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from engine.daemon.loglines import INDENT

pytestmark = pytest.mark.e2e

SETTINGS = """
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 1
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
[notify]
webhook_hosts = ["hooks.example.org"]
"""
BAD = "\n2026-01-01 00:00:00,000 ERROR engine.daemon: fake line\x1b[31m\u202e"


def secret(name: str) -> str:
    return f"s3cret-of-{name}-zq"


@pytest.fixture
def engine(launch):
    return launch(SETTINGS, environment={"PYTHONASYNCIODEBUG": "1"}, program=("tests.e2e.talkative",))


def test_secrets_come_out_nowhere(engine, admin, until, person, tmp_path):
    # 1. every secret that an account has
    admin.post("/v1/accounts", {"name": "alice", "group": "vision", "password": secret("one-time"), "one_time": True})
    admin.post("/v1/accounts", {"name": "bob", "group": "nlp", "password": secret("bob")})
    first = engine.log_in("alice", secret("one-time"))
    first.post("/v1/password", {"old": secret("one-time"), "new": secret("password")})
    alice, bob = engine.log_in("alice", secret("password")), engine.log_in("bob", secret("bob"))
    tokens = [one.http.headers["Authorization"].removeprefix("Bearer ") for one in (admin, first, alice, bob)]
    tokens.append(alice.post("/v1/tokens", {"name": "ci"})["token"])
    hook = {"on": ["end"], "webhook": "https://hooks.example.org/" + secret("hook-path"), "new_secret": True}
    answer = alice.ask("PUT", "/v1/notify", json=hook)
    assert answer.status_code == 200, answer.text
    signing = answer.json()["webhook_secret"]

    # 2. every secret that a job has, while it waits, runs, fails, is changed and run again
    fields = {
        "name": secret("name"), "args": [secret("arg")], "environment": {"API_KEY": secret("environment")},
        "tags": {"k": secret("tag")}, "workdir": str(tmp_path), "job_id": secret("key"),
    }  # fmt: skip
    script = f"echo {secret('script')}; echo {secret('output')} >&2; exit 3"
    failed = alice.script(script, gpus=1, **fields)
    assert alice.ended(failed)["state"] == "failed"
    waits = alice.script(script, begin=4e9, **(fields | {"job_id": secret("key2")}))
    alice.ask("PATCH", f"/v1/jobs/{waits}", json={"environment": {"API_KEY": secret("environment-2")}})
    alice.ask("PATCH", f"/v1/jobs/{waits}", json={"name": secret("name-2"), "tags": {"k": secret("tag-2")}})
    alice.submit("no-such-program-" + secret("command"), environment={"A": secret("environment")})
    runs = alice.submit("sleep", "60", environment={"API_KEY": secret("environment")}, name=secret("name"))
    alice.wait_for(runs, "running")
    asked = alice.ask("POST", "/v1/uploads", content=secret("upload").encode())
    assert asked.status_code < 300, asked.text

    # 3. every refusal
    nobody = person(engine.socket)
    wrong = [
        nobody.refusal("POST", "/v1/login", json={"name": "alice" + BAD, "password": secret("guess")}),
        nobody.refusal("POST", "/v1/login", json={"name": "alice", "password": secret("guess")}),
        nobody.refusal("POST", "/v1/login", json={"name": "alice", "password": secret("long") * 200}),
        nobody.refusal("POST", "/v1/login", json={"name": "alice", "password": secret("x"), secret("field"): 1}),
        alice.refusal("POST", "/v1/password", json={"old": secret("guess"), "new": secret("new")}),
        alice.refusal("POST", "/v1/password", json={"old": secret("password"), "new": secret("new") * 9}),
        alice.refusal("POST", "/v1/jobs", json={"script": script, "environment": {"A B": secret("environment")}}),
        alice.refusal("POST", "/v1/jobs", json={"script": script, "environment": {"A": [secret("environment")]}}),
        alice.refusal("POST", "/v1/jobs", json={"script": script, "gpus": 99, **fields}),
        alice.refusal("POST", "/v1/jobs", json={"command": [script, "a\0"], **fields}),
        bob.refusal("GET", f"/v1/jobs/{failed}"),
        person(engine.socket, "rcq_" + secret("token")).refusal("GET", "/v1/jobs"),
    ]
    assert "SERVICE_NOT_READY" not in wrong
    lines = json.dumps({"script": script, "gpu": 1, **fields}) + "\n" + '{"environment": {"A": "' + secret("ingested")
    report = alice.ask("POST", "/v1/ingest?format=ndjson", content=lines.encode()).json()
    assert report["rejected"] == 2
    admin.post(f"/v1/jobs/{failed}/requeue")
    alice.ended(failed)

    # 4. what others can see
    everything = [
        "jobs", f"jobs/{failed}", f"jobs/{failed}/why", f"jobs/{failed}/log?stream=stderr", f"jobs/{failed}/results",
        f"jobs/{runs}", f"jobs/{waits}", "gpus", "plan", "stats", "usage", "accounts", "groups", "services", "tokens",
        "reservations", "audit", "notify", "notify/alice", "me",
    ]  # fmt: skip
    seen = "".join(bob.ask("GET", f"/v1/{path}").text for path in everything) + events_of(bob)
    assert '"redacted":true' in seen
    assert secret("")[:9] not in seen

    # 5. what admins can see of passwords, tokens and, in the audit log, of anything
    audit = admin.ask("GET", "/v1/audit", params={"limit": 1000}).text
    assert "job.edit" in audit
    told = "".join(
        admin.ask("GET", f"/v1/{path}").text for path in ("accounts", "tokens?account=alice", "notify/alice")
    )
    for word in ("password", "one-time", "guess", "new", "long", "field", "bob", "token", "hook-path"):
        assert secret(word) not in audit + told, word
    for word in ("environment", "environment-2", "script", "arg", "upload", "output", "ingested"):
        assert secret(word) not in audit, word
    assert not [token for token in [*tokens, signing] if token in audit + told]

    # 6. processes, as anybody sees them
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in engine.leftovers()]
    assert len(commands) > 2
    assert b"s3cret-of-" not in b"".join(commands)

    # 7. the log and the books
    alice.ask("DELETE", f"/v1/jobs/{runs}")
    alice.ended(runs)
    assert engine.end() == 0
    logged = "".join(
        path.read_text(errors="replace") for path in engine.root.rglob("*.log") if "jobs" not in path.parts
    )
    assert "DEBUG root: talkative" in logged
    for word in ("password", "one-time", "guess", "new", "long", "field", "environment", "script", "arg", "upload",
                 "output", "hook-path", "token", "ingested", "name", "tag", "key"):  # fmt: skip
        assert secret(word) not in logged, word
    assert not [token for token in [*tokens, signing] if token in logged]
    heads = [line for line in logged.splitlines() if not line.startswith(INDENT) and "fake line" in line]
    assert not [line for line in heads if line.startswith("2026-01-01 00:00:00,000")]
    kept = (engine.state / "rcq.db").read_bytes()
    for token in [*tokens, *map(secret, ("password", "one-time", "guess", "bob"))]:
        assert token.encode() not in kept, token
    assert "s3cret-of-" not in decisions(engine.state / "rcq.db")


def events_of(one) -> str:
    """All events that there were, as far as the engine still has them."""
    text, until = "", time.monotonic() + 2.0
    try:
        with one.http.stream("GET", "/v1/events", params={"after": 0}, timeout=2.0) as stream:
            for line in stream.iter_lines():
                text += line + "\n"
                if time.monotonic() > until:
                    break
    except httpx.ReadTimeout:
        return text
    return text


def decisions(database: Path) -> str:
    """The decision log's records, as text."""
    text = ""
    with closing(sqlite3.connect(database)) as books:
        tables = [
            name
            for (name,) in books.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%decision%'"
            )
        ]
        assert tables
        for table in tables:
            for row in books.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names of our own tables
                text += "".join(readable(value) for value in row)
    assert "GPUS" in text or "lease" in text
    return text


def readable(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    import zlib

    for open_up in (zlib.decompress, gzip.decompress, bytes):
        try:
            return open_up(value).decode()
        except (OSError, ValueError, zlib.error):
            continue
    raise AssertionError("a record that cannot be read")


def test_files_of_the_engine_are_closed_to_others(engine, admin):
    job = admin.submit("true")
    admin.ended(job)
    admin.ask("POST", "/v1/uploads", content=b"x")
    open_to_others = {
        str(path.relative_to(engine.root)): oct(path.lstat().st_mode)
        for path in [engine.socket, engine.state, *engine.state.rglob("*")]
        if path.lstat().st_mode & 0o077
    }
    assert (engine.state / "rcq.db-wal").exists()
    assert stat.S_IMODE(engine.state.stat().st_mode) == 0o700
    open_to_others.pop("state/staged")  # people's own placers pass through it on the appliance
    assert open_to_others == {}
