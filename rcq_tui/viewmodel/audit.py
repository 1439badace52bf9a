"""Words for entries of the audit log: who, from where, what changed.

An entry comes as the API tells it. Pure, light enough for the command line. Must not know what draws the words.
"""

import json
from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.text import clean

Entry = Mapping[str, Any]


def line(entry: Entry) -> list[str]:
    """An entry as cells: time, who, from where, what, to what, what changed."""
    return [
        exact(entry["at"]),
        who(entry),
        origin(entry),
        clean(entry["action"]),
        target(entry),
        changed(entry),
    ]


def who(entry: Entry) -> str:
    """The account; else `engine` for its own deeds, `-` for somebody who is not logged in."""
    if entry["account"] is not None:
        return clean(entry["account"])
    return "engine" if entry["via"] == "engine" else "-"


def origin(entry: Entry) -> str:
    """How it is known who it was, and the Unix user with the process: `session ann[4711]`; `-` for the engine."""
    if entry["via"] == "engine":
        return "-"
    user = entry["user"] if entry["user"] is not None else entry["uid"]
    process = "" if entry["pid"] is None else f"[{entry['pid']}]"
    return " ".join(filter(None, [clean(entry["via"]), f"{clean(user)}{process}"])) or "-"


def target(entry: Entry) -> str:
    """What it was done to, with whose it is where that is somebody else's: `17 (of ann)`."""
    shown = clean(entry["target"]) or "-"
    others = entry["owner"] is not None and entry["owner"] not in {entry["account"], entry["target"]}
    return f"{shown} (of {clean(entry['owner'])})" if others else shown


def changed(entry: Entry) -> str:
    """`priority 5 → 9, gpus 2`, and what else is told: `attempt=2`."""
    before, after = entry["before"], entry["after"]
    told = [_change(name, before, after) for name in {**before, **after}]
    told += [f"{clean(name)}={_value(value)}" for name, value in entry["detail"].items() if value not in (None, False)]
    return ", ".join(told)


def _change(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if name not in before:
        return f"{clean(name)} {_value(after[name])}"
    if not after:  # it was taken away, or is being ended
        return f"{clean(name)} {_value(before[name])}"
    return f"{clean(name)} {_value(before[name])} → {_value(after.get(name))}"


def _value(value: object) -> str:
    """Words as they are, all else as JSON says it; nothing is `-`."""
    if value is None or value == "":
        return "-"
    return clean(value) if isinstance(value, str) else clean(json.dumps(value, ensure_ascii=False))
