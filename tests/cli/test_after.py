"""Whom and what a job waits for, as typed: the options of submit and the lines of a script."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.protocol.fields import WHENS as ENGINES
from rcq_tui.cli.after import WHENS, conditions


def wanted(*pairs: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"id": number, "when": when} for number, when in pairs]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", wanted((12, "ok"))),
        ("12:any", wanted((12, "any"))),
        ("12,13:failed", wanted((12, "ok"), (13, "failed"))),
        ("12:ok, 13", wanted((12, "ok"), (13, "ok"))),
        ("afterok:12:13,afternotok:14,afterany:15", wanted((12, "ok"), (13, "ok"), (14, "failed"), (15, "any"))),
    ],
)
def test_conditions(text: str, expected: list[dict[str, Any]]) -> None:
    assert conditions(text) == expected


@pytest.mark.parametrize(
    "text", ["", ",", "x", "12:", "12:good", "-1", "1.5", "afterok", "afterok:", "afterok:x", "after:3", "٣"]
)
def test_no_conditions(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} names no jobs to wait for; write for example 12")):
        conditions(text)


def test_the_words_are_the_engines() -> None:
    assert WHENS == ENGINES


@pytest.fixture
def sent(rcq: Any, engine: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Submits, and gives the job that the engine got."""
    monkeypatch.chdir(home)
    engine.on("POST", "/v1/jobs", {"id": 7})
    engine.on("GET", "/v1/jobs", {"items": [], "cursor": None})

    def submit(*argv: str) -> dict[str, Any]:
        assert rcq("submit", *argv).code == 0
        return dict(engine.requests[-1].json)

    return submit


def test_after_begin_and_cron_are_sent(sent: Callable[..., dict[str, Any]]) -> None:
    job = sent("--after", "3,4:any", "--after", "5:failed", "--begin", "2026-12-01T08:00", "true")
    assert job["after"] == wanted((3, "ok"), (4, "any"), (5, "failed"))
    assert job["begin"] == time.mktime((2026, 12, 1, 8, 0, 0, 0, 0, -1))
    assert sent("--cron", "30 2 * * 1-5", "true")["cron"] == "30 2 * * 1-5"
    before = time.time()
    assert before + 7200 <= sent("--begin", "now+2h", "true")["begin"] <= time.time() + 7200


def test_a_script_says_them_too_and_the_command_line_adds(sent: Callable[..., dict[str, Any]], home: Path) -> None:
    (home / "s.sh").write_text('#RCQ --after 3 --cron "0 4 * * *"\n#RCQ --begin 2026-12-01\ntrue\n')
    job = sent("--after", "9:any", "--begin", "2026-12-02", "s.sh")
    assert job["after"] == wanted((3, "ok"), (9, "any"))
    assert job["cron"] == "0 4 * * *"
    assert job["begin"] == time.mktime((2026, 12, 2, 0, 0, 0, 0, 0, -1))


@pytest.mark.parametrize(("option", "value"), [("--after", "x"), ("--begin", "late")])
def test_what_cannot_be_read_is_not_sent(rcq: Any, engine: Any, option: str, value: str) -> None:
    result = rcq("submit", option, value, "true")
    assert (result.code, engine.requests) == (2, [])
    assert f"argument {option}: '{value}'" in result.err


def test_nobody_waits_for_the_end_of_a_recurring_job(rcq: Any, engine: Any) -> None:
    result = rcq("submit", "--wait", "--cron", "0 4 * * *", "true")
    assert (result.code, engine.requests) == (2, [])
    assert "never ends" in result.err
