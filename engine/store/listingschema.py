"""Indexes for listings in every order. Must not know who lists.

Where few jobs have a key, only those are in its index: a job that is taken in costs nothing there.
"""

from sqlite_utils import Database

_INDEXES = """
CREATE INDEX jobs_by_submission ON jobs (submitted_at);
CREATE INDEX jobs_by_start ON jobs (started_at) WHERE started_at IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_by_priority ON jobs (priority);
CREATE INDEX jobs_by_gpus ON jobs (gpus);
CREATE INDEX jobs_by_time_limit ON jobs (time_limit_s);
CREATE INDEX jobs_by_name ON jobs (name) WHERE name IS NOT NULL
"""


def create(db: Database) -> None:
    """The keys that jobs can be sorted by."""
    for statement in _INDEXES.split(";"):
        db.execute(statement)
