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
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from tests.e2e.conftest import PASSWORD, SETTINGS, Engine, Person

pytestmark = pytest.mark.e2e
SECRET = "sesame-9f3c"
"""Stands wherever something is that nobody but its owner may read."""
UNCHANGING = {
    "POST /v1/notify/test": "sends a message to oneself; nothing is another afterwards",
}
"""Routes that are asked with another method than GET and change nothing that is kept."""


@dataclass
class Box:
    """An engine with an admin and a user. stranger: pid of a process of this user on the first card."""

    engine: Engine
    admin: Person
    ann: Person
    stranger: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def fresh(self, word: str) -> str:
        return f"{word}{next(self.numbers)}"

    def job(self, **fields: Any) -> int:
        """Of ann's, and it waits for another day."""
        environment = {"KEY": SECRET}
        return self.ann.submit("true", SECRET, begin=time.time() + 86_400, environment=environment, **fields)

    def done(self, person: Person, method: str, path: str, **values: Any) -> Any:
        answer = person.ask(method, path, **values)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json()

    def entries(self, person: Person | None = None, **query: Any) -> list[dict[str, Any]]:
        return list((person or self.admin).get("/v1/audit", **query)["items"])


Told = tuple[str, str, str, dict[str, Any], dict[str, Any]]
"""Who did it, the action, its target, and of `before` and `after` what must stand there."""
DEEDS: dict[str, Callable[[Box], Told]] = {}


def deed(route: str) -> Callable[[Callable[[Box], Told]], Callable[[Box], Told]]:
    def keep(play: Callable[[Box], Told]) -> Callable[[Box], Told]:
        DEEDS[route] = play
        return play

    return keep


@deed("POST /v1/login")
def _(box: Box) -> Told:
    name = box.fresh("login")
    box.engine.someone(box.admin, name, "bio")
    return name, "login", name, {}, {}


@deed("POST /v1/logout")
def _(box: Box) -> Told:
    name = box.fresh("logout")
    box.done(box.engine.someone(box.admin, name, "bio"), "POST", "/v1/logout")
    return name, "logout", name, {}, {}


@deed("POST /v1/password")
def _(box: Box) -> Told:
    name = box.fresh("password")
    person = box.engine.someone(box.admin, name, "bio")
    box.done(person, "POST", "/v1/password", json={"old": PASSWORD, "new": SECRET})
    return name, "password", name, {}, {}


@deed("POST /v1/jobs")
def _(box: Box) -> Told:
    key = box.fresh("key")
    number = box.job(job_id=key)
    return "ann", "job.submit", str(number), {}, {"count": 1, "first_id": number, "job_id": key}


@deed("POST /v1/jobs/batch")
def _(box: Box) -> Told:
    jobs = [{"command": ["true", SECRET]}, {"nonsense": 1}, {"command": ["true"], "array": "0-3"}]
    report = box.done(box.ann, "POST", "/v1/jobs/batch", json={"jobs": jobs})
    first, last = report["first_id"], report["last_id"]
    return "ann", "job.submit", f"{first}-{last}", {}, {"count": 5, "first_id": first, "last_id": last}


@deed("POST /v1/ingest")
def _(box: Box) -> Told:
    body = b"\n".join([b'{"command": ["true"]}'] * 7)
    report = box.done(box.ann, "POST", "/v1/ingest", content=body)
    return "ann", "job.submit", f"{report['first_id']}-{report['last_id']}", {}, {"count": 7}


@deed("PATCH /v1/jobs/{id}")
def _(box: Box) -> Told:
    number = box.job(priority=3)
    change = {"priority": 4, "command": ["echo", SECRET], "environment": {"KEY": SECRET + "2"}}
    box.done(box.admin, "PATCH", f"/v1/jobs/{number}", json=change)
    return "root", "job.edit", str(number), {"priority": 3}, {"priority": 4}


@deed("DELETE /v1/jobs/{id}")
def _(box: Box) -> Told:
    number = box.job()
    box.done(box.admin, "DELETE", f"/v1/jobs/{number}")
    return "root", "job.cancel", str(number), {"state": "pending"}, {"state": "cancelled"}


@deed("POST /v1/jobs/{id}/hold")
def _(box: Box) -> Told:
    number = box.job()
    box.done(box.ann, "POST", f"/v1/jobs/{number}/hold")
    return "ann", "job.hold", str(number), {"state": "pending"}, {"state": "held"}


@deed("POST /v1/jobs/{id}/release")
def _(box: Box) -> Told:
    number = box.job()
    box.done(box.ann, "POST", f"/v1/jobs/{number}/hold")
    box.done(box.ann, "POST", f"/v1/jobs/{number}/release")
    return "ann", "job.release", str(number), {"state": "held"}, {"state": "pending"}


@deed("POST /v1/jobs/{id}/requeue")
def _(box: Box) -> Told:
    number = box.job()
    box.done(box.ann, "DELETE", f"/v1/jobs/{number}")
    box.done(box.ann, "POST", f"/v1/jobs/{number}/requeue")
    return "ann", "job.requeue", str(number), {"state": "cancelled"}, {"state": "pending"}


@deed("POST /v1/jobs/{id}/redo")
def _(box: Box) -> Told:
    again = box.done(box.ann, "POST", f"/v1/jobs/{box.job()}/redo")["id"]
    return "ann", "job.submit", str(again), {}, {"count": 1}


@deed("POST /v1/adopt")
def _(box: Box) -> Told:
    number = box.done(box.admin, "POST", "/v1/adopt", json={"pid": box.stranger})["id"]
    return "root", "job.adopt", str(number), {}, {"pid": box.stranger, "user": getpass.getuser()}


@deed("POST /v1/gpus/{uuid}/drain")
def _(box: Box) -> Told:
    uuid = box.admin.get("/v1/gpus")["items"][1]["uuid"]
    box.done(box.admin, "POST", f"/v1/gpus/{uuid}/drain", json={"why": "the fan"})
    return "root", "gpu.drain", uuid, {}, {"state": "drained", "why": "the fan"}


@deed("POST /v1/gpus/{uuid}/resume")
def _(box: Box) -> Told:
    uuid = box.admin.get("/v1/gpus")["items"][1]["uuid"]
    box.admin.ask("POST", f"/v1/gpus/{uuid}/drain")
    box.done(box.admin, "POST", f"/v1/gpus/{uuid}/resume")
    return "root", "gpu.resume", uuid, {"state": "drained"}, {"state": "in use"}


def booking(box: Box) -> dict[str, Any]:
    start = time.time() + 7200 * next(box.numbers)
    return dict(box.done(box.admin, "POST", "/v1/reservations", json={"gpus": 1, "start_at": start, "duration_s": 60}))


@deed("POST /v1/reservations")
def _(box: Box) -> Told:
    made = booking(box)
    return "root", "reservation.add", str(made["id"]), {}, {"end_at": made["end_at"], "gpus": made["gpu_uuids"]}


@deed("DELETE /v1/reservations/{id}")
def _(box: Box) -> Told:
    made = booking(box)
    box.done(box.admin, "DELETE", f"/v1/reservations/{made['id']}")
    return "root", "reservation.remove", str(made["id"]), {"start_at": made["start_at"]}, {}


@deed("POST /v1/accounts")
def _(box: Box) -> Told:
    name = box.fresh("new")
    box.done(box.admin, "POST", "/v1/accounts", json={"name": name, "group": "bio", "password": SECRET})
    return "root", "account.add", name, {}, {"role": "user", "group": "bio", "disabled": False}


@deed("PATCH /v1/accounts/{name}")
def _(box: Box) -> Told:
    name = box.fresh("changed")
    box.done(box.admin, "POST", "/v1/accounts", json={"name": name, "group": "bio"})
    change = {"role": "admin", "password": SECRET, "quota": {"gpus": 1}}
    box.done(box.admin, "PATCH", f"/v1/accounts/{name}", json=change)
    return "root", "account.change", name, {"role": "user"}, {"role": "admin", "quota.gpus": 1}


@deed("POST /v1/groups")
def _(box: Box) -> Told:
    name = box.fresh("group")
    box.done(box.admin, "POST", "/v1/groups", json={"name": name, "priority": 7})
    return "root", "group.add", name, {}, {"priority": 7}


@deed("PATCH /v1/groups/{name}")
def _(box: Box) -> Told:
    name = box.fresh("group")
    box.done(box.admin, "POST", "/v1/groups", json={"name": name, "priority": 7})
    box.done(box.admin, "PATCH", f"/v1/groups/{name}", json={"priority": 8})
    return "root", "group.change", name, {"priority": 7}, {"priority": 8}


@deed("DELETE /v1/groups/{name}")
def _(box: Box) -> Told:
    name = box.fresh("group")
    box.done(box.admin, "POST", "/v1/groups", json={"name": name, "priority": 7})
    box.done(box.admin, "DELETE", f"/v1/groups/{name}")
    return "root", "group.remove", name, {"priority": 7}, {}


@deed("PUT /v1/services/{name}")
def _(box: Box) -> Told:
    name = box.fresh("service")
    for most in (5, 6):
        box.done(box.admin, "PUT", f"/v1/services/{name}", json={"jobs_per_account": most})
    return "root", "service.set", name, {"jobs_per_account": 5}, {"jobs_per_account": 6}


@deed("POST /v1/tokens")
def _(box: Box) -> Told:
    made = box.done(box.ann, "POST", "/v1/tokens", json={"name": box.fresh("token")})
    return "ann", "token.create", made["id"], {}, {}


@deed("DELETE /v1/tokens/{id}")
def _(box: Box) -> Told:
    made = box.done(box.ann, "POST", "/v1/tokens", json={"name": box.fresh("token")})
    box.done(box.admin, "DELETE", f"/v1/tokens/{made['id']}")
    return "root", "token.revoke", made["id"], {}, {}


@deed("POST /v1/uploads")
def _(box: Box) -> Told:
    made = box.done(box.ann, "POST", "/v1/uploads", content=SECRET.encode())
    return "ann", "upload.add", made["upload"], {}, {"size": len(SECRET)}


@deed("DELETE /v1/uploads/{id}")
def _(box: Box) -> Told:
    made = box.done(box.ann, "POST", "/v1/uploads", content=SECRET.encode())
    box.done(box.ann, "DELETE", f"/v1/uploads/{made['upload']}")
    return "ann", "upload.remove", made["upload"], {}, {}


@deed("PUT /v1/notify")
def _(box: Box) -> Told:
    box.done(box.ann, "PUT", "/v1/notify", json={"on": ["end"], "terminal": "bell"})
    return "ann", "notify.set", "ann", {"terminal": "off"}, {"terminal": "bell"}


@deed("DELETE /v1/notify/{account}")
def _(box: Box) -> Told:
    box.done(box.ann, "PUT", "/v1/notify", json={"on": ["end"], "terminal": "both"})
    box.done(box.admin, "DELETE", "/v1/notify/ann")
    return "root", "notify.set", "ann", {"terminal": "both"}, {"terminal": "off"}


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
    assert routes - set(UNCHANGING) <= set(DEEDS)
    for route, play in DEEDS.items():
        if route not in routes:
            continue
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
