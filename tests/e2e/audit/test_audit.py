"""Every change that can be asked for over the API stands in the audit log: who, from where, to what, before and after.

The routes are those that the engine itself tells of: a new one that changes something fails here until it has a deed.
"""

import getpass
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.audit.deeds import DEEDS, SECRET, Box
from tests.e2e.conftest import PASSWORD, SETTINGS, Engine, Person

pytestmark = pytest.mark.e2e
UNCHANGING = {
    "POST /v1/notify/test": "sends a message to oneself; nothing is another afterwards",
}
"""Routes that are asked with another method than GET and change nothing that is kept."""


@pytest.fixture
def box(launch, driver, until) -> Iterator[Box]:
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    ann = engine.someone(admin, "ann", "bio")
    until(lambda: len(admin.get("/v1/gpus")["items"]) == 2)
    stranger = subprocess.Popen(["sleep", "300"])
    admin.ask("PATCH", "/v1/accounts/ann", json={"unix_user": getpass.getuser()})
    driver.processes(0, [(stranger.pid, 3072)])
    until(lambda: admin.get("/v1/gpus")["items"][0]["processes"])
    yield Box(engine, admin, ann, stranger.pid)
    stranger.kill()
    stranger.wait()


def changing(admin: Person) -> set[str]:
    """Every route of this engine that is asked with something else than GET."""
    paths = admin.get("/openapi.json")["paths"]
    return {f"{verb.upper()} {path}" for path, verbs in paths.items() for verb in verbs} - {
        f"GET {path}" for path in paths
    }


def test_every_route_that_changes_something_leaves_an_entry(box: Box) -> None:
    routes = changing(box.admin)
    assert routes == set(UNCHANGING) | set(DEEDS)
    for route, play in DEEDS.items():
        who, action, target, before, after = play(box)
        (entry, *_) = box.entries(action=action, target=target)
        assert (entry["account"], entry["action"], entry["target"]) == (who, action, target), route
        assert (entry["uid"], entry["user"]) == (os.getuid(), getpass.getuser()), route
        assert entry["pid"] == os.getpid(), route
        assert entry["via"] == ("password" if action == "login" else "session"), route
        assert before.items() <= entry["before"].items(), (route, entry)
        assert after.items() <= entry["after"].items(), (route, entry)
    seen = box.admin.get("/v1/audit/chain")
    assert (seen["broken"], seen["entries"]) == (None, seen["last_id"])
    told = json.dumps(box.entries(limit=1000))
    assert SECRET not in told
    assert PASSWORD not in told
    assert "$2b$" not in told
    assert SECRET not in (box.engine.root / "engine.log").read_text()


def test_nothing_is_noted_of_what_was_refused(box: Box) -> None:
    job = box.job()
    last = box.entries(limit=1)[0]["id"]
    assert box.ann.refusal("POST", "/v1/groups", json={"name": "x"}) == "FORBIDDEN"
    assert box.admin.refusal("POST", f"/v1/jobs/{job}/release") == "INVALID_STATE"
    assert box.ann.refusal("PATCH", f"/v1/jobs/{job}", json={"gpus": 64}) == "IMPOSSIBLE_REQUEST"
    assert box.ann.refusal("DELETE", "/v1/jobs/999") == "JOB_NOT_FOUND"
    assert box.ann.refusal("POST", "/v1/jobs", json={"command": []}) == "VALIDATION_ERROR"
    assert box.admin.refusal("DELETE", "/v1/groups/bio") == "INVALID_STATE"
    assert [entry["id"] for entry in box.entries(limit=1)] == [last]


def test_who_sees_what(box: Box) -> None:
    bob = box.engine.someone(box.admin, "bob", "chem")
    theirs, mine = bob.submit("true"), box.job()
    box.done(box.admin, "POST", f"/v1/jobs/{mine}/hold")
    told = [(one["account"], one["action"], one["target"]) for one in box.entries(box.ann)]
    assert ("root", "job.hold", str(mine)) in told
    assert ("root", "account.add", "ann") in told
    assert ("ann", "login", "ann") in told
    assert not [one for one in told if one[0] == "bob" or one[2] in {str(theirs), "bob", "root"}]
    assert {one["owner"] for one in box.entries(box.ann)} == {"ann"}
    assert box.entries(box.ann, account="bob") == []
    assert [one["target"] for one in box.entries(box.ann, account="root", action="job.*")] == [str(mine)]
    assert box.ann.refusal("GET", "/v1/audit/chain") == "FORBIDDEN"
    assert Person(box.engine.socket).refusal("GET", "/v1/audit") == "UNAUTHENTICATED"


def test_pages_stay_what_they_were_while_entries_are_added(box: Box) -> None:
    for _ in range(6):
        box.job()
    first = box.admin.get("/v1/audit", action="job.submit", limit=2)
    box.job()
    seen, cursor = [one["id"] for one in first["items"]], first["cursor"]
    while cursor is not None:
        page = box.admin.get("/v1/audit", action="job.submit", limit=2, cursor=cursor)
        seen, cursor = seen + [one["id"] for one in page["items"]], page["cursor"]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 6
    assert box.admin.refusal("GET", "/v1/audit", params={"cursor": "x"}) == "VALIDATION_ERROR"


def test_no_method_but_get_is_known(box: Box) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/v1/audit", "/v1/audit/1", "/v1/audit/chain"):
            assert box.admin.ask(method, path).status_code in {404, 405}


def test_failed_logins_are_told_once_and_then_as_a_sum_and_no_name_that_is_none(launch) -> None:
    engine = launch(SETTINGS.replace("lockout_failures = 3", "lockout_failures = 1000"))
    admin = engine.admin()
    for name in ["root"] * 20 + [SECRET] * 30:
        assert (
            Person(engine.socket).refusal("POST", "/v1/login", json={"name": name, "password": "x"})
            == "UNAUTHENTICATED"
        )
    engine.end()
    engine.start()
    failed = admin.get("/v1/audit", action="login.failed")["items"]
    told = sorted((one["target"] or "", one["detail"]["times"], one["detail"]["why"]) for one in failed)
    assert told == [("", 1, "wrong"), ("", 29, "wrong"), ("root", 1, "wrong"), ("root", 19, "wrong")]
    assert {(one["account"], one["uid"]) for one in failed} == {(None, os.getuid())}
    assert SECRET not in json.dumps(admin.get("/v1/audit", limit=1000))


def test_a_start_tells_what_settings_are_others(engine: Engine, admin: Person) -> None:
    engine.end()
    engine.config.write_text(SETTINGS.replace("grace_s = 1.0", "grace_s = 2.0") + '[notify]\ncommand = ["/x", "k3y"]\n')
    engine.start()
    engine.end()
    engine.start()
    last, changed, first = admin.get("/v1/audit", action="engine.start")["items"]
    assert (last["before"], last["after"]) == ({}, {})
    assert changed["before"] == {"executor.grace_s": 1.0, "notify.command": "(not shown)"}
    assert changed["after"] == {"executor.grace_s": 2.0, "notify.command": "(another)"}
    assert first["after"].items() >= {"scheduling.cpu_cores": 8, "auth.peer": False}.items()
    assert (first["via"], first["account"], first["target"]) == ("engine", None, first["after"]["version"])
    with closing(sqlite3.connect(f"file:{engine.state / 'rcq.db'}?mode=ro", uri=True)) as db:
        assert "k3y" not in str(db.execute("SELECT told FROM last_settings").fetchall())


def test_what_commands_did_beside_the_engine_is_told_by_the_next_one(engine: Engine, admin: Person, tmp_path) -> None:
    def beside(verb: str, *words: str) -> None:
        command = [sys.executable, "-m", f"engine.daemon.{verb}", "--config", str(engine.config)]
        subprocess.run([*command, "--state-dir", str(engine.state), *words], check=True, timeout=60)

    kept = tmp_path / "kept.db"
    beside("backup", "--to", str(kept))
    admin.post("/v1/groups", {"name": "lost"})
    engine.end()
    beside("restore", str(kept))
    with (engine.state / "commands.ndjson").open("a") as deeds:
        deeds.write('{"at": "never"}\n')
    engine.start()
    told = admin.get("/v1/audit")["items"]
    told = [one for one in told if one["target"] == "kept.db" or one["action"] == "engine.start"]
    assert [(one["action"], one["target"]) for one in told[:3]] == [
        ("engine.start", told[0]["target"]),
        ("engine.restore", "kept.db"),
        ("engine.backup", "kept.db"),
    ]
    assert {(one["via"], one["uid"]) for one in told[1:3]} == {("command", os.getuid())}
    assert "group.add" not in {one["action"] for one in told}
    assert admin.get("/v1/audit/chain")["broken"] is None
    assert told[0]["sha256"] in (engine.root / "engine.log").read_text()
    engine.end()
    engine.start()
    assert [one["via"] for one in admin.get("/v1/audit", action="engine.*")["items"]].count("command") == 2
    assert sorted(file.name for file in engine.state.glob("commands*")) == []


def test_the_command_shows_it_and_finds_what_was_forged(engine: Engine, admin: Person) -> None:
    ann = engine.someone(admin, "ann", "bio")
    number = ann.submit("true", begin=time.time() + 86_400)
    admin.ask("PATCH", f"/v1/jobs/{number}", json={"priority": 9})
    shown = engine.rcq(admin, "audit", "--action", "job.*", "--since", "1h").splitlines()
    me = getpass.getuser()
    assert shown[0].split() == ["TIME", "WHO", "FROM", "WHAT", "TARGET", "CHANGE"]
    assert shown[1].split()[2:] == [
        "root", "session", f"{me}[{os.getpid()}]", "job.edit", str(number), "(of", "ann)", "priority", "5", "→", "9,",
        'fields=["priority"]',
    ]  # fmt: skip
    assert len(shown) == 3
    assert len(json.loads(engine.rcq(ann, "audit", "--target", str(number), "--json"))["items"]) == 2
    assert "each as it was written" in engine.rcq(admin, "audit", "--verify")
    edit = admin.get("/v1/audit", action="job.edit")["items"][0]["id"]
    engine.end()
    with closing(sqlite3.connect(engine.state / "rcq.db")) as db, db:
        db.execute("DROP TRIGGER audit_keeps_update")
        db.execute("UPDATE audit SET account = 'ann' WHERE id = ?", [edit])
    engine.start()
    assert f"entry {edit} is not what was written" in engine.rcq(admin, "audit", "--verify", code=1)
