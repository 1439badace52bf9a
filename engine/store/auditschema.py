"""The audit log's columns of where a change came from and whom it is about, its chain, and the last start's settings.

Must not know what an entry means.
"""

import json
from typing import Any

from sqlite_utils import Database

from engine.store.auditchain import COLUMNS, fingerprint

APPEND_ONLY = """
CREATE TRIGGER audit_keeps_{verb} BEFORE {event} ON audit {condition}
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
"""
_KNOWN = {"via": str, "uid": int, "pid": int, "owner": str, "sha256": str}
_OWNED = ("account.", "login", "logout", "password")
"""Beginnings of actions whose target is an account."""
_FILL = "UPDATE audit SET owner = ?, via = ?, sha256 = ? WHERE id = ?"
_INDEXES = (("account",), ("owner",), ("action",), ("target",), ("at",))


def add_origin(db: Database) -> None:
    """Columns, indexes, and for the entries that are there already whom they are about and their links of the chain.

    This is the one time that rows of the log change: they get what they did not have, and keep what they tell.
    """
    for column, kind in _KNOWN.items():
        db.table("audit").add_column(column, kind)
    for columns in _INDEXES:
        db.table("audit").create_index(columns, f"audit_by_{columns[0]}")
    db.execute("DROP TRIGGER audit_keeps_update")
    before = ""
    for row in list(db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY id").fetchall()):  # noqa: S608
        values = dict(zip(COLUMNS, row, strict=True))
        values["owner"], values["via"] = _owner(values), None if values["account"] else "engine"
        before = fingerprint(before, tuple(values.values()))
        db.execute(_FILL, (values["owner"], values["via"], before, values["id"]))
    db.execute(APPEND_ONLY.format(verb="update", event="UPDATE", condition=""))
    db.execute("CREATE TABLE last_settings (one INTEGER PRIMARY KEY CHECK (one = 1), told TEXT NOT NULL) STRICT")


def _owner(values: dict[str, Any]) -> str | None:
    detail = json.loads(values["detail"])
    named = detail.get("owner", detail.get("booked_by")) if isinstance(detail, dict) else None
    if named is None and values["action"].startswith(_OWNED):
        named = values["target"]
    if named is None and values["action"] == "reservation.add":
        named = values["account"]
    return named if isinstance(named, str) else None
