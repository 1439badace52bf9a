"""Each route that changes something, played once on a real engine, and what the audit log must tell of it then."""

import getpass
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.e2e.conftest import PASSWORD, Engine, Person

SECRET = "sesame-9f3c"
"""Stands wherever something is that nobody but its owner may read."""


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
