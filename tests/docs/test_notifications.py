"""The page on notifications: its events, headers and fields are the code's, and its recipe verifies a signature."""

import re
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.protocol import webhooks
from engine.protocol.notifications import EVENTS, MOST_LISTED, Notification, ToldArray, ToldJob

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def first_cells(head: str) -> list[str]:
    """The codes in the first column of the table with that head."""
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split("`")[1] for row in rows]


def test_every_event_and_header() -> None:
    assert first_cells("event") == list(EVENTS)
    assert first_cells("header") == [webhooks.TIMESTAMP, webhooks.SIGNATURE, webhooks.DELIVERY]


def test_every_field_of_a_call() -> None:
    body = PAGE.partition("The body holds")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", body))
    ours = {field.name for kind in (Notification, ToldJob, ToldArray) for field in fields(kind)}
    assert told == ours | {"subject", "text", "code", "job"}
    assert f"({MOST_LISTED} of each" in body


def test_the_recipe_tells_what_is_ours() -> None:
    recipe: dict[str, Any] = {}
    exec(PAGE.partition("```python\n")[2].partition("```")[0], recipe)  # noqa: S102 - our own page
    verify = recipe["is_from_rcq"]
    now, body = str(int(time.time())), b'{"a": 1}'
    headers = {webhooks.TIMESTAMP: now, webhooks.SIGNATURE: webhooks.signature("secret", now, body)}
    assert verify("secret", headers, body)
    assert not verify("another", headers, body)
    assert not verify("secret", headers, body + b" ")
    old = str(int(now) - 3600)
    assert not verify("secret", headers | {webhooks.TIMESTAMP: old}, body)
    stale = {webhooks.TIMESTAMP: old, webhooks.SIGNATURE: webhooks.signature("secret", old, body)}
    assert not verify("secret", stale, body)
