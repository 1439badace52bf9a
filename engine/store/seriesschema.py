"""The table of what attempts did with their cards over time. Must not know who reads or writes it."""

from sqlite_utils import Database

_TABLE = """
CREATE TABLE series (
    job INTEGER NOT NULL, attempt INTEGER NOT NULL, gpus INTEGER NOT NULL, start_at REAL NOT NULL, step_s REAL NOT NULL,
    points BLOB NOT NULL, PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID
"""


def create(db: Database) -> None:
    """Make it."""
    db.execute(_TABLE)
