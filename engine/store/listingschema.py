"""What listings in other orders than by id are read from. Must not know who lists.

One narrow index with most keys is scanned for rare orders. Its first column is the id: a job that is taken in is
written at its end, and nothing in it changes as a job goes on. Where few jobs have a key, only those are in its index:
a job that is taken in costs nothing there.
"""

from sqlite_utils import Database

SCANNED = "jobs_by_keys"
"""The index that is scanned."""

_INDEXES = f"""
CREATE INDEX {SCANNED} ON jobs (id, submitted_at, priority, gpus, time_limit_s, account, grp, name);
CREATE INDEX jobs_by_start ON jobs (started_at) WHERE started_at IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL
"""


def create(db: Database) -> None:
    """The keys that jobs can be sorted by."""
    for statement in _INDEXES.split(";"):
        db.execute(statement)
