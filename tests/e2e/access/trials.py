"""For each action of the table and each route that offers it, how it is tried. `TRIALS` has them all."""

from collections.abc import Callable
from typing import Any

from engine.daemon.access import Action
from tests.e2e.access.cast import DENIED, SECRET, Cast, is_let_through
from tests.e2e.conftest import PASSWORD

Trial = Callable[[Cast, str], bool]
"""Whether a kind of person gets what the action is about."""
TRIALS: dict[tuple[Action, str], Trial] = {}


def tried(action: Action, route: str) -> Callable[[Trial], Trial]:
    def note(trial: Trial) -> Trial:
        TRIALS[action, route] = trial
        return trial

    return note


def plainly(action: Action, route: str, **values: Any) -> None:
    """Ask for exactly that."""
    method, path = route.split(" ")

    @tried(action, route)
    def _(cast: Cast, kind: str) -> bool:
        body = {"json": made(cast) if callable(made := values["json"]) else made} if "json" in values else {}
        address = path.replace("{uuid}", "0").replace("{name}", cast.fresh()).replace("{account}", "owner")
        return is_let_through(cast.people[kind].ask(method, address, **{**values, **body}))


def on_a_job(action: Action, route: str, first: str = "", **values: Any) -> None:
    """Ask for that on a new job of the owner's. first: what the owner does before."""
    method, path = route.split(" ")

    @tried(action, route)
    def _(cast: Cast, kind: str) -> bool:
        job = cast.job()
        if first:
            cast.owner.ask(*first.format(job).split(" "))
        before = cast.owner.job(job)
        answer = cast.people[kind].ask(method, path.replace("{id}", str(job)), **values)
        if not is_let_through(answer):
            after = cast.owner.job(job)
            assert after == before, "what was refused changed something"
        elif action is not Action.READ_FILES and not route.endswith("/diff"):  # there may be none
            assert answer.status_code < 300, answer.text
        return is_let_through(answer)


def seen(action: Action, route: str, shows: Callable[[Cast, Any], bool], path: str | None = None) -> None:
    """Look whether the answer has what only some may see."""

    @tried(action, route)
    def _(cast: Cast, kind: str) -> bool:
        answer = cast.people[kind].ask("GET", path or route.split(" ")[1])
        if answer.status_code >= 400:
            assert answer.json()["error"]["code"] in DENIED, answer.text
        return answer.status_code < 400 and shows(cast, answer.json())


def seen_in_text(action: Action, route: str, line: str) -> None:
    """Look whether the answer, which is no JSON, has a line that begins so."""

    @tried(action, route)
    def _(cast: Cast, kind: str) -> bool:
        answer = cast.people[kind].ask("GET", route.split(" ")[1])
        return is_let_through(answer) and any(one.startswith(line) for one in answer.text.splitlines())


JOB = {"command": ["true"], "begin": 4e9}

plainly(Action.HEALTH, "GET /healthz")
plainly(Action.HEALTH, "GET /openapi.json")
plainly(Action.LOG_IN, "POST /v1/login", json={"name": "root", "password": PASSWORD})
plainly(Action.BE_SOMEBODY, "GET /v1/me")
plainly(Action.BE_SOMEBODY, "POST /v1/password", json={"old": PASSWORD, "new": PASSWORD})
_ROUTES = (
    "gpus",
    "nodes",
    "stats",
    "plan",
    "reservations",
    "services",
    "usage",
    "usage/days",
    "accounts",
    "groups",
)
for _route in _ROUTES:
    plainly(Action.LOOK, f"GET /v1/{_route}")
plainly(Action.SUBMIT, "POST /v1/jobs", json=JOB)
plainly(Action.SUBMIT, "POST /v1/jobs/batch", json={"jobs": [JOB]})
plainly(Action.SUBMIT, "POST /v1/ingest", content=b"")
plainly(Action.SUBMIT_TO_ANY_GROUP, "POST /v1/jobs", json={**JOB, "group": "third"})
plainly(Action.LIST_JOBS, "GET /v1/jobs")
on_a_job(Action.SEE_JOB, "GET /v1/jobs/{id}")
on_a_job(Action.SEE_JOB, "GET /v1/jobs/{id}/why")
on_a_job(Action.SEE_JOB, "GET /v1/jobs/{id}/series")
on_a_job(Action.SEE_SECRETS, "GET /v1/jobs/{id}/diff")
on_a_job(Action.READ_FILES, "GET /v1/jobs/{id}/log")
on_a_job(Action.READ_FILES, "GET /v1/jobs/{id}/results")
on_a_job(Action.CONTROL_JOB, "DELETE /v1/jobs/{id}")
on_a_job(Action.CONTROL_JOB, "POST /v1/jobs/{id}/hold")
on_a_job(Action.CONTROL_JOB, "POST /v1/jobs/{id}/release", first="POST /v1/jobs/{}/hold")
on_a_job(Action.CONTROL_JOB, "POST /v1/jobs/{id}/requeue", first="DELETE /v1/jobs/{}")
on_a_job(Action.CHANGE_TERMS, "PATCH /v1/jobs/{id}", json={"priority": 9, "time_limit_s": 60})
on_a_job(Action.CHANGE_JOB, "PATCH /v1/jobs/{id}", json={"priority": 9, "command": ["false"]})
on_a_job(Action.REDO_JOB, "POST /v1/jobs/{id}/redo")
plainly(Action.STEER_CARDS, "POST /v1/gpus/{uuid}/drain")
plainly(Action.STEER_CARDS, "POST /v1/gpus/{uuid}/resume")
plainly(Action.BOOK, "POST /v1/reservations", json=Cast.slot)
plainly(
    Action.CHANGE_PEOPLE, "POST /v1/accounts", json=lambda cast: {"name": cast.fresh(), "group": "bio", "password": "p"}
)
plainly(Action.CHANGE_PEOPLE, "PATCH /v1/accounts/{name}", json={"role": "admin"})
plainly(Action.CHANGE_PEOPLE, "POST /v1/groups", json=lambda cast: {"name": cast.fresh()})
plainly(Action.CHANGE_PEOPLE, "PATCH /v1/groups/{name}", json={"priority": 9})
plainly(Action.CHANGE_PEOPLE, "DELETE /v1/groups/{name}")
plainly(Action.CHANGE_PEOPLE, "PUT /v1/services/{name}", json={"jobs_per_account": 1})
plainly(Action.MAKE_TOKENS, "POST /v1/tokens", json=lambda cast: {"name": cast.fresh()})
plainly(Action.MAKE_TOKENS, "GET /v1/tokens")
plainly(Action.CHOOSE_NOTIFY, "GET /v1/notify")
plainly(Action.CHOOSE_NOTIFY, "PUT /v1/notify", json={"on": ["end"], "terminal": "bell"})
plainly(Action.CHOOSE_NOTIFY, "POST /v1/notify/test")
plainly(Action.SEE_NOTIFY, "GET /v1/notify/{account}")
plainly(Action.SEE_NOTIFY, "DELETE /v1/notify/{account}")
plainly(Action.STAGE_FILES, "POST /v1/uploads", content=b"data")
plainly(Action.STAGE_FILES, "GET /v1/uploads")
plainly(Action.READ_AUDIT, "GET /v1/audit")
plainly(Action.READ_ALL_AUDIT, "GET /v1/audit/chain")
seen(
    Action.READ_ALL_AUDIT,
    "GET /v1/audit",
    lambda _, page: bool(page["items"]),
    "/v1/audit?action=group.add&account=root",
)
seen(Action.SEE_SECRETS, "GET /v1/jobs/{id}", lambda _, job: job["environment"] == SECRET, "/v1/jobs/1")
seen(Action.SEE_ALL_JOBS, "GET /v1/jobs", lambda _, page: page["items"][-1]["account"] == "owner", "/v1/jobs?group=bio")
seen(Action.SEE_ALL_JOBS, "GET /v1/gpus", lambda _, cards: cards["items"][0]["jobs"][0]["account"] == "owner")
seen(Action.SEE_ALL_JOBS, "GET /v1/plan", lambda _, plan: plan["items"][0]["account"] == "owner")
seen(Action.SEE_ALL_USAGE, "GET /v1/usage", lambda _, usage: "third" in [one["group"] for one in usage["items"]])
seen(
    Action.SEE_ALL_USAGE,
    "GET /v1/usage/span",
    lambda _, usage: usage["until"] > 1,
    "/v1/usage/span?since=1&group=third",
)
seen(Action.LOOK, "GET /v1/usage/span", lambda _, usage: usage["until"] > 1, "/v1/usage/span?since=1")
seen(Action.SEE_ALL_USAGE, "GET /v1/usage/days", lambda _, usage: "third" in [one["group"] for one in usage["items"]])
plainly(Action.SEE_ENGINE, "GET /v1/passes")
plainly(Action.SEE_ENGINE, "GET /v1/engine")
plainly(Action.LOOK, "GET /metrics")
seen_in_text(Action.SEE_ALL_USAGE, "GET /metrics", 'rcq_group_gpus{group="third"}')
seen_in_text(Action.SEE_ENGINE, "GET /metrics", "rcq_commits_total ")
seen(Action.SEE_ALL_PEOPLE, "GET /v1/accounts", lambda _, all_: len(all_["items"]) > 1)
seen(Action.SEE_ALL_PEOPLE, "GET /v1/groups", lambda _, all_: len(all_["items"]) > 1)
seen(Action.SEE_ALL_TOKENS, "GET /v1/tokens", lambda _, all_: True, "/v1/tokens?account=root")
seen(
    Action.SEE_COMMANDS,
    "GET /v1/gpus",
    lambda _, cards: any("echo" in (one["command"] or "") for one in cards["items"][1]["processes"]),
)


@tried(Action.BE_SOMEBODY, "POST /v1/logout")
def _logout(cast: Cast, kind: str) -> bool:
    return is_let_through(cast.again(kind).ask("POST", "/v1/logout"))


@tried(Action.LOOK, "GET /v1/events")
def _events(cast: Cast, kind: str) -> bool:
    with cast.people[kind].http.stream("GET", "/v1/events") as answer:
        return answer.status_code == 200


@tried(Action.ADOPT, "POST /v1/adopt")
def _adopt(cast: Cast, kind: str) -> bool:
    answer = cast.people[kind].ask("POST", "/v1/adopt", json={"pid": cast.bystander})
    assert answer.status_code >= 400, "it is on no card: nobody can adopt it"
    return is_let_through(answer)


@tried(Action.BOOK_WITHOUT_LIMITS, "POST /v1/reservations")
def _book_long(cast: Cast, kind: str) -> bool:
    answer = cast.people[kind].ask("POST", "/v1/reservations", json=cast.slot(hours=2))
    assert answer.status_code < 300 or answer.json()["error"]["code"] in {*DENIED, "QUOTA_EXCEEDED"}
    return answer.status_code < 300


@tried(Action.UNBOOK, "DELETE /v1/reservations/{id}")
def _unbook(cast: Cast, kind: str) -> bool:
    number = cast.owner.post("/v1/reservations", cast.slot())["id"]
    return is_let_through(cast.people[kind].ask("DELETE", f"/v1/reservations/{number}"))


@tried(Action.REMOVE_UPLOAD, "DELETE /v1/uploads/{id}")
def _remove_upload(cast: Cast, kind: str) -> bool:
    made = cast.owner.ask("POST", "/v1/uploads", content=b"data").json()
    answer = cast.people[kind].ask("DELETE", f"/v1/uploads/{made['upload']}")
    left = [one["upload"] for one in cast.owner.get("/v1/uploads")["items"]]
    assert (made["upload"] in left) == (answer.status_code >= 400)
    return answer.status_code < 300


@tried(Action.REVOKE_TOKENS, "DELETE /v1/tokens/{id}")
def _revoke(cast: Cast, kind: str) -> bool:
    made = cast.owner.post("/v1/tokens", {"name": cast.fresh()})
    answer = cast.people[kind].ask("DELETE", f"/v1/tokens/{made['id']}")
    return answer.status_code < 300
