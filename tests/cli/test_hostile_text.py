"""Every verb against an engine whose every text is hostile, and with hostile words typed by the user."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hostile_text import CORPUS, POISON, harms, poisoned
from scripted_engine import Engine, Request, Result, refusal

from engine.protocol import audit, cards, cluster, notifications, people, planned, responses, tokens
from rcq_tui.cli.verbs import VERBS

Rcq = Callable[..., Result]

LOCAL = {"demo", "engine", "doctor", "backup", "restore", "replay", "simulate", "web", "import"}
"""Verbs that ask no engine: their words come from this machine's files, which have tests of their own."""

STAYING = {"wait", "run", "shell"}
"""Verbs that wait for a job whose state they know: test_foreground.py and test_wait.py have what they say then."""

WALK: dict[str, list[list[str]]] = {
    "submit": [["submit", "true"], ["submit", "--dry-run", "true"], ["submit", "--name", "x", "--", "true"]],
    "ingest": [["ingest", "jobs.ndjson"], ["ingest", "jobs.ndjson", "--errors", "errors.ndjson"]],
    "queue": [["queue", "--all"]],
    "show": [["show", "1"]],
    "why": [["why", "1"]],
    "logs": [["logs", "2"]],
    "cancel": [["cancel", "1"], ["cancel", "1[0]"]],
    "hold": [["hold", "1"]],
    "release": [["release", "1"]],
    "requeue": [["requeue", "1"]],
    "adopt": [["adopt", "1"]],
    "edit": [["edit", "1", "--priority", "2"]],
    "gpus": [["gpus"]],
    "nodes": [["nodes"]],
    "plan": [["plan"], ["plan", "--ascii"]],
    "drain": [["drain", "1"]],
    "resume": [["resume", "1"]],
    "reserve": [["reserve", "1", "--for", "1h"]],
    "reservations": [["reservations"]],
    "unreserve": [["unreserve", "1"]],
    "usage": [["usage"]],
    "stats": [["stats"]],
    "token": [["token", "list"], ["token", "create", "x"], ["token", "revoke", "0123456789abcdef"]],
    "audit": [["audit"], ["audit", "--verify"]],
    "notify": [["notify", "show"], ["notify", "set", "--on", "end"], ["notify", "test"], ["notify", "off"]],
    "results": [["results", "1"]],
    "login": [["login", "x", "--password-stdin"]],
    "logout": [["logout"]],
    "whoami": [["whoami"]],
    "passwd": [["passwd", "--password-stdin"]],
    "account": [["account", "list"], ["account", "add", "x", "--unix-user", "u", "--no-password"]],
    "group": [["group", "list"], ["group", "add", "x"], ["group", "remove", "x"]],
    "service": [["service", "list"], ["service", "set", "x", "--jobs-per-account", "1"]],
}

OWN_WORDS = {"password changed\n", "you were not logged in\n"}
"""What some say whatever the engine answers."""


NAMELESS = {
    "results",
    "submit",
    "requeue",
    "unreserve",
    "reserve",
    "cancel",
    "hold",
    "release",
    "group",
    "service",
    "logs",
    "plan",
}
"""They may say numbers only."""

SANE = {"cursor": None, "until": 2_000_000.0, "broken": None, "end": 1_500_000.0, "token": "secret"}
"""What an engine says in words of its own, or else a command would go on for ever."""


@dataclass
class TokenList:
    items: list[tokens.TokenView]


def answer_to(request: Request) -> Any:
    """What the hostile engine says: the shape is right, every text in it is not."""
    items: dict[str, Any] = {
        "gpus": cards.GpuView, "nodes": cluster.NodeView, "reservations": responses.ReservationView,
        "accounts": people.AccountView, "groups": people.GroupView, "services": people.ServiceView,
    }  # fmt: skip
    shapes: list[tuple[str, Any]] = [
        (r"GET /v1/jobs", responses.JobPage),
        (r"POST /v1/jobs\?dry", responses.Preview),
        (r"POST /v1/(jobs|adopt)|[A-Z]+ /v1/jobs/\d+(/requeue|/hold|/release)?", responses.JobDetail),
        (r"GET /v1/jobs/\d+/why", responses.Why),
        (r"GET /v1/plan", planned.Planned),
        (r"GET /v1/usage", people.UsageReport),
        (r"GET /v1/stats", responses.Stats),
        (r"POST /v1/login", people.Session),
        (r"GET /v1/tokens", TokenList),
        (r"POST /v1/tokens", tokens.NewToken),
        (r"DELETE /v1/tokens/.*", tokens.TokenView),
        (r"GET /v1/audit", audit.AuditPage),
        (r"GET /v1/audit/chain", audit.AuditChain),
        (r"POST /v1/notify/test", notifications.NotifyTests),
        (r"(GET|PUT|DELETE) /v1/notify(/.*)?", notifications.NotifyView),
        (r"GET /v1/jobs/\d+/results", responses.JobDetail),
        (r"GET /v1/me", people.Me),
        *((rf"(POST|PUT|PATCH|DELETE) /v1/{name}(/.*)?", kind) for name, kind in items.items()),
    ]  # fmt: skip
    asked = f"{request.method} {request.path}" + ("?dry" if request.query.get("dry_run") else "")
    if "elements" in request.query and request.method != "GET":
        return poisoned(responses.ArrayChanged)
    if asked == "POST /v1/ingest":
        error = {"line": 1, "job_id": POISON, "code": POISON, "message": POISON, "details": [{"field": POISON}]}
        return {"report": {**poisoned(responses.IngestReport), "errors": [error] * 3}}
    if re.fullmatch(r"GET /v1/jobs/\d+/log", asked):
        return {"text": "", "offset": 0, "next_offset": 0, "size": 0, "complete": True}
    if asked in {"POST /v1/password", "POST /v1/logout"}:
        return None
    for name, kind in items.items():
        if asked == f"GET /v1/{name}":
            return {"items": [poisoned(kind)]}
    kind = next(kind for shape, kind in shapes if re.fullmatch(shape, asked))
    told = poisoned(kind)
    return told | {name: value for name, value in SANE.items() if name in told}


@pytest.fixture
def hostile(engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine that answers everything."""
    (home / "jobs.ndjson").write_text("{}\n")
    monkeypatch.chdir(home)
    monkeypatch.setattr(engine, "answer", answer_to)
    return engine


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("old\nnew\n"))


LINES = [line for lines in WALK.values() for line in lines]


def test_every_verb_is_walked() -> None:
    assert set(VERBS) - {"notify", "token", "audit", "results", "redo", *STAYING} <= set(WALK) | LOCAL, (
        "a new verb shows texts, too: add how it is called"
    )


@pytest.mark.usefixtures("hostile", "stdin")
@pytest.mark.parametrize("line", LINES, ids=" ".join)
@pytest.mark.parametrize("columns", ["80", None])
def test_no_verb_hands_power_to_the_terminal(
    rcq: Rcq, line: list[str], columns: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS")
    told = rcq(*line)
    assert harms(told.out) == harms(told.err) == []
    assert told.out in OWN_WORDS or "[bold red]m" in told.out + told.err or line[0] in NAMELESS


WITH_JSON = [line for line in LINES if line[0] not in {"cancel", "hold", "release", "logs", "logout", "passwd"}]


@pytest.mark.usefixtures("hostile", "stdin")
@pytest.mark.parametrize("line", WITH_JSON, ids=" ".join)
def test_json_is_whole_and_escaped(rcq: Rcq, line: list[str]) -> None:
    told = rcq(line[0], "--json", *line[1:]) if line[0] == "submit" else rcq(*line, "--json")
    if told.code == 2:
        pytest.skip("this verb has no --json")
    assert told.out.count("\n") == 1
    assert not re.search("[^\x20-\x7e\xa0-\U0010ffff\n]", told.out)
    assert [one for one in told.out if not one.isprintable()] == ["\n"]
    assert POISON in json.dumps(json.loads(told.out), ensure_ascii=False) or POISON in texts(json.loads(told.out))


def texts(value: Any) -> list[str]:
    """Every text of a document."""
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.usefixtures("stdin")
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_refusal_hands_power_to_the_terminal(
    rcq: Rcq, engine: Engine, line: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "jobs.ndjson").write_text("{}\n")
    monkeypatch.chdir(home)
    details = [{"field": POISON, "message": POISON, POISON: POISON}]
    monkeypatch.setattr(engine, "answer", lambda _: (409, refusal(POISON, POISON, details)))
    told = rcq(*line)
    assert harms(told.out) == harms(told.err) == []
    assert (told.code, bool(told.err)) == (1, True) or line[0] == "logout"


TYPED = [text.replace("\0", "") for text in (*CORPUS.values(), "bytes that are no UTF-8: \udc9b\udcff")]


@pytest.mark.usefixtures("hostile", "stdin")
@pytest.mark.parametrize("line", [[], *LINES], ids=" ".join)
def test_what_the_user_typed_is_told_harmlessly(rcq: Rcq, line: list[str]) -> None:
    for text in TYPED:
        for words in ([*line, text], [*line, f"--{text}"], [*line[:1], text, *line[2:]], [*line[:1], "--json", text]):
            told = rcq(*words)
            assert harms(told.err) == [], words
            assert harms(told.out) == [] or "--json" in words, words


@pytest.mark.usefixtures("hostile")
def test_the_end_of_a_job_that_is_waited_for_is_told_harmlessly(
    rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = {**poisoned(responses.JobDetail), "state": "failed", "signal": None}
    monkeypatch.setattr(engine, "answer", lambda _: ended)
    told = rcq("submit", "--wait", "true")
    assert (told.code, told.out) == (1, "1\n")
    assert harms(told.err) == []
    assert "[bold red]m" in told.err


def test_ids_for_shells_are_harmless(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "answer", answer_to)
    assert harms(rcq("__ids").out.replace("\t", "")) == []
