"""The audit log on the screen: an entry as cells, its change in full, and the filter as it is typed.

Must not know what draws the words.
"""

from collections.abc import Mapping
from dataclasses import asdict

from engine.protocol.audit import AuditChain, AuditEntry
from rcq_tui.viewmodel import audit
from rcq_tui.viewmodel.formats import exact, moment
from rcq_tui.viewmodel.pieces import Line, Piece
from rcq_tui.viewmodel.text import clean

FILTERS = ("account", "action", "target")


def cells(entry: AuditEntry, now: float) -> list[Piece]:
    """Time, who, what, to what, what changed."""
    told = asdict(entry)
    return [
        (moment(entry.at, now), "quiet"),
        (audit.who(told), "title"),
        (clean(entry.action), "info"),
        (audit.target(told), "text"),
        (audit.changed(told), "quiet"),
    ]


def lines(entry: AuditEntry) -> list[Line]:
    """When to the second and where it came from, each thing that changed on a line of its own, and its hash."""
    told = asdict(entry)
    found: list[Line] = [[(f"entry {entry.id}  {exact(entry.at)}  ", "quiet"), (audit.origin(told), "text")]]
    for name in {**entry.before, **entry.after}:
        was, now = entry.before.get(name), entry.after.get(name)
        found.append(
            [(f"{clean(name)}: ", "quiet"), ("- ", "bad"), (_value(was), "text"), ("  + ", "ok"), (_value(now), "text")]
        )
    found += [[(f"{clean(name)}: ", "quiet"), (_value(value), "text")] for name, value in entry.detail.items()]
    return [*found[:_MOST], [(f"sha256 {clean(entry.sha256)[:16]}…", "quiet")]]


_MOST = 6


def _value(value: object) -> str:
    return "nothing" if value in (None, "") else clean(value)


def filters(text: str) -> dict[str, str]:
    """What was typed as the API's filters: `account:ada action:job.* target:17`; `job.*` alone is an action, another
    word alone an account.
    """
    asked: dict[str, str] = {}
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and name in FILTERS:
            asked[name] = value
        else:
            asked["action" if "." in word or word.endswith("*") else "account"] = word
    return {name: value for name, value in asked.items() if value}


def chain_words(chain: AuditChain) -> tuple[str, bool]:
    """What the check found, and whether all is well."""
    if chain.broken is not None:
        said = f"Entry {chain.broken} of the audit log was changed or is missing. Keep a copy of the database as it is."
        return said, False
    return f"The audit log is whole: {chain.entries:,} entries, head {chain.head[:16]}…", True


def asked_words(asked: Mapping[str, str]) -> str:
    """The filters as they are in force."""
    return " ".join(f"{name}:{clean(value)}" for name, value in asked.items())
