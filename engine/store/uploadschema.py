"""The tables of staged files. Must not know who reads or writes them."""

from sqlite_utils import Database


def create(db: Database) -> None:
    """The tables. Rows of job_uploads stay when an upload goes: they tell how large a job's files were."""
    db.table("uploads").create(
        {"id": str, "account": str, "grp": str, "size": int, "sha256": str, "created_at": float},
        pk="id",
        not_null={"account", "grp", "size", "sha256", "created_at"},
        strict=True,
    )
    db.table("uploads").create_index(["account"], "uploads_by_account")
    db.execute(
        "CREATE TABLE job_uploads (first INTEGER NOT NULL, upload TEXT NOT NULL, last INTEGER NOT NULL, "
        "size INTEGER NOT NULL, PRIMARY KEY (first, upload)) STRICT, WITHOUT ROWID"
    )
    db.table("job_uploads").create_index(["upload"], "job_uploads_by_upload")
