"""The tables of notifications. Must not know who reads or writes them."""

from sqlite_utils import Database


def create(db: Database) -> None:
    """The tables."""
    db.table("notify").create(
        {
            "account": str,
            "events": str,
            "mail": str,
            "webhook": str,
            "secret": str,
            "command": int,
            "terminal": str,
            "min_run_s": float,
        },
        pk="account",
        not_null={"events", "command", "terminal", "min_run_s"},
        foreign_keys=[("account", "accounts", "name")],
        strict=True,
    )
    db.table("outbox").create(
        {
            "id": int,
            "account": str,
            "channel": str,
            "message": str,
            "made_at": float,
            "due_at": float,
            "tries": int,
        },
        pk="id",
        not_null={"account", "channel", "message", "made_at", "due_at", "tries"},
        strict=True,
    )
