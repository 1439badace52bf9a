"""The schema, as named steps from an empty file to today's.

A step that was ever released never changes: what comes later is a new step at the end. Must not know who reads
or writes the tables.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from engine.store import attempts, auditschema, gate, listingschema, notifyschema, seriesschema, uploadschema

migrations = Migrations("rcq")

_KEYS_OF_ARRAYS = """
CREATE TRIGGER jobs_leave_keys_of_arrays BEFORE INSERT ON jobs
WHEN NEW.job_id IS NOT NULL AND EXISTS (SELECT 1 FROM arrays WHERE account = NEW.account AND job_id = NEW.job_id)
BEGIN SELECT RAISE(IGNORE); END
"""

_MEASURES = """
CREATE TABLE measures (
    job INTEGER NOT NULL, attempt INTEGER NOT NULL, energy_j REAL NOT NULL, peak_memory_mb INTEGER, gpu_s REAL NOT NULL,
    busy_gpu_s REAL NOT NULL, gpus_used INTEGER NOT NULL, PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID
"""

# The sizes of cards were not written down: a shared card counts whole, and cores are left out.
_OLD_BILLS = """
INSERT INTO bills (job, attempt, account, grp, rate, cards, since, until)
SELECT id, attempt, account, grp, gpus, gpus, started_at, ended_at FROM jobs
WHERE ended_at >= started_at AND attempt > 0 AND gpus > 0
"""


@migrations(name="0001_books")
def books(db: Database) -> None:
    """People, jobs, usage and the audit log."""
    _people(db)
    _jobs(db)
    _usage(db)
    _audit(db)


@migrations(name="0002_groups_and_drained_cards")
def groups_and_drained_cards(db: Database) -> None:
    """Listing by group at a million jobs; cards that an admin took out of use."""
    db.table("jobs").create_index(["grp", "state"], "jobs_by_group")
    db.table("gpu_flags").create(
        {"uuid": str, "drained": int, "why": str, "by": str, "at": float},
        pk="uuid",
        not_null={"drained", "at"},
        strict=True,
    )


@migrations(name="0003_what_an_ending_tells")
def what_an_ending_tells(db: Database) -> None:
    """Why a job could not be started, and the like, in words for its owner."""
    db.table("jobs").add_column("message", str)


@migrations(name="0004_gate")
def jobs_at_the_gate(db: Database) -> None:
    """Jobs that wait for others' ends or for a time, recurring jobs, and which job is a copy of one."""
    gate.create(db)


@migrations(name="0005_job_arrays")
def job_arrays(db: Database) -> None:
    """Elements of a job array, and what an array has once for all of them: its key, its size and its request.

    The columns come to stand behind `request`, which is empty where they are not: no long script is read on the way.
    The trigger keeps an array's key from later jobs; like a key that a job has, it costs the new row and no error.
    """
    for column in ("array_parent", "array_index", "array_most"):
        db.table("jobs").add_column(column, int)
    db.table("arrays").create(
        {"parent": int, "account": str, "job_id": str, "size": int, "request": str},
        pk="parent",
        not_null={"account", "size", "request"},
        strict=True,
    )
    db.execute("CREATE UNIQUE INDEX arrays_by_key ON arrays (account, job_id) WHERE job_id IS NOT NULL")
    db.execute(_KEYS_OF_ARRAYS)


@migrations(name="0006_further_attempts")
def further_attempts(db: Database) -> None:
    """How each attempt ended, which of them count against the retries, and why one was told to stop."""
    db.table("jobs").add_column("failures", int, not_null_default=0)
    db.table("jobs").add_column("stopping", str)
    db.execute(attempts.TABLE)
    db.execute(attempts.KEEP_EARLIER)


@migrations(name="0007_quotas_and_usage")
def quotas_and_usage(db: Database) -> None:
    """Guarantees, what a service's jobs may hold together, usage of accounts, months, and the bill of each attempt."""
    db.table("groups").add_column("guarantee_gpus", int, not_null_default=0)
    db.table("services").add_column("quota", str, not_null_default="{}")
    db.table("usage_accounts").create(
        {"grp": str, "account": str, "gpu_seconds": float, "as_of": float},
        pk=("grp", "account"),
        not_null={"gpu_seconds", "as_of"},
        strict=True,
    )
    db.table("month_usage").create(
        {"month": str, "scope": str, "name": str, "gpu_seconds": float},
        pk=("month", "scope", "name"),
        not_null={"gpu_seconds"},
        strict=True,
    )
    db.table("bills").create(
        {
            "job": int,
            "attempt": int,
            "account": str,
            "grp": str,
            "rate": float,
            "cards": float,
            "since": float,
            "until": float,
        },
        pk=("job", "attempt"),
        not_null={"account", "grp", "rate", "cards", "since", "until"},
        strict=True,
    )
    db.execute("CREATE INDEX bills_by_end ON bills (until) WHERE cards > 0")
    db.execute(_OLD_BILLS)


@migrations(name="0008_booked_reservations")
def booked_reservations(db: Database) -> None:
    """Cards that people booked for a time."""
    db.table("slots").create(
        {
            "id": int,
            "account": str,
            "grp": str,
            "gpu_uuids": str,
            "start_at": float,
            "end_at": float,
            "created_at": float,
            "removed_at": float,
        },
        pk="id",
        not_null={"account", "grp", "gpu_uuids", "start_at", "end_at", "created_at"},
        foreign_keys=[("account", "accounts", "name")],
        strict=True,
    )
    db.table("slots").create_index(["end_at"], "slots_by_end")


@migrations(name="0009_decision_log")
def decision_log(db: Database) -> None:
    """A record of each pass that decided something new; what records have in common stands once.

    Without further indexes and foreign keys: each would be one more page to write in every pass that starts something.
    """
    db.table("decision_parts").create(
        {"id": int, "sha256": str, "blob": bytes}, pk="id", not_null={"sha256", "blob"}, strict=True
    )
    db.table("decision_parts").create_index(["sha256"], "decision_parts_by_hash", unique=True)
    db.table("decisions").create(
        {"id": int, "at": float, "part": int, "blob": bytes},
        pk="id",
        not_null={"at", "part", "blob"},
        strict=True,
    )


def known_steps() -> frozenset[str]:
    """The names of all steps; an empty database still has each of them before it."""
    return frozenset(step.name for step in migrations.pending(Database(memory=True, execute_plugins=False)))


@migrations(name="0010_cards")
def cards(db: Database) -> None:
    """Quarantined cards, power limits to put back, what was measured of attempts, energy by month, and more."""
    db.table("quarantines").create(
        {"uuid": str, "cause": str, "detail": str, "at": float},
        pk="uuid",
        not_null={"cause", "at"},
        strict=True,
    )
    db.table("power_limits").create(
        {"uuid": str, "before_w": float, "set_w": float, "job": int, "at": float},
        pk="uuid",
        not_null={"before_w", "set_w", "at"},
        strict=True,
    )
    db.execute(_MEASURES)
    db.table("month_energy").create(
        {"month": str, "scope": str, "name": str, "energy_j": float},
        pk=("month", "scope", "name"),
        not_null={"energy_j"},
        strict=True,
    )
    db.table("jobs").add_column("gpu_power_w", int)
    db.table("jobs").add_column("oom_retries", int, not_null_default=0)


@migrations(name="0011_one_time_passwords")
def one_time_passwords(db: Database) -> None:
    """Passwords that are good for one log-in, to set another."""
    db.table("accounts").add_column("one_time", int, not_null_default=0)


@migrations(name="0012_job_files")
def job_files(db: Database) -> None:
    """When a job's results were fetched, when and why its files were removed.

    Without an index: whose files are due is asked of the directories that are there, which are few beside the jobs.
    """
    db.table("jobs").add_column("fetched_at", float)
    db.table("jobs").add_column("files_removed_at", float)
    db.table("jobs").add_column("files_removed_why", str)


@migrations(name="0013_managers")
def managers(db: Database) -> None:
    """Accounts that manage their group's jobs."""
    db.table("accounts").add_column("manager", int, not_null_default=0)


@migrations(name="0014_audit_origin")
def audit_origin(db: Database) -> None:
    """Where a change came from, whom it is about, the chain that ties the entries; settings of the last start."""
    auditschema.add_origin(db)


@migrations(name="0015_notifications")
def notification_books(db: Database) -> None:
    """What accounts chose to be told, and the messages that are to be sent."""
    notifyschema.create(db)


@migrations(name="0016_uploads")
def uploaded_files(db: Database) -> None:
    """Files that people uploaded to be staged, and which jobs are given them."""
    uploadschema.create(db)


@migrations(name="0017_token_scopes")
def token_scopes(db: Database) -> None:
    """API tokens that change nothing."""
    db.table("sessions").add_column("scope", str, not_null_default="all")


@migrations(name="0018_sorted_listings")
def sorted_listings(db: Database) -> None:
    """Jobs by what listings can be sorted by."""
    listingschema.create(db)


@migrations(name="0019_series")
def series_of_attempts(db: Database) -> None:
    """What attempts did with their cards over time."""
    seriesschema.create(db)


@migrations(name="0020_anywhere")
def anywhere(db: Database) -> None:
    """Jobs that may run on the cluster, too."""
    db.table("jobs").add_column("anywhere", int, not_null_default=0)


@migrations(name="0021_places")
def places(db: Database) -> None:
    """Leases on a cluster: which place, on which of its machines; whether a job is held once it has been stopped."""
    for table in ("jobs", "attempts"):
        db.table(table).add_column("place", str)
        db.table(table).add_column("node", str)
    db.table("jobs").add_column("held_next", int)


def _people(db: Database) -> None:
    db.table("groups").create(
        {"name": str, "priority": int, "share": float, "quota": str},
        pk="name",
        not_null={"priority", "share", "quota"},
        strict=True,
    )
    db.table("accounts").create(
        {
            "name": str,
            "role": str,
            "grp": str,
            "password_hash": str,
            "unix_user": str,
            "disabled": int,
            "created_at": float,
            "quota": str,
        },
        pk="name",
        not_null={"role", "grp", "disabled", "created_at", "quota"},
        foreign_keys=[("grp", "groups", "name")],
        strict=True,
    )
    db.execute("CREATE UNIQUE INDEX accounts_by_unix_user ON accounts (unix_user) WHERE unix_user IS NOT NULL")
    db.table("services").create({"name": str, "jobs_per_account": int}, pk="name", strict=True)
    db.table("sessions").create(
        {"sha256": str, "account": str, "created_at": float, "expires_at": float, "kind": str, "name": str},
        pk="sha256",
        not_null={"account", "created_at", "expires_at", "kind"},
        foreign_keys=[("account", "accounts", "name")],
        strict=True,
    )
    db.table("sessions").create_index(["account", "kind", "created_at"], "sessions_by_account")


def _jobs(db: Database) -> None:
    """`request` stands last, so that a long script is not read where a listing wants the columns before it."""
    db.table("jobs").create(
        {
            "id": int,
            "state": str,
            "submitted_at": float,
            "account": str,
            "grp": str,
            "service": str,
            "priority": int,
            "preemptible": int,
            "gpus": int,
            "gpu_type": str,
            "gpu_memory_mb": int,
            "gpu_share": int,
            "cpu_cores": int,
            "memory_mb": int,
            "time_limit_s": int,
            "job_id": str,
            "name": str,
            "command_line": str,
            "attempt": int,
            "boot_id": str,
            "gpu_uuids": str,
            "lease_started_at": float,
            "expected_end": float,
            "started_at": float,
            "ended_at": float,
            "cause": str,
            "exit_code": int,
            "signal": int,
            "request": str,
        },
        pk="id",
        not_null={"state", "submitted_at", "account", "grp", "attempt", "request"},
        defaults={"attempt": 0},
        strict=True,
    )
    db.execute("CREATE UNIQUE INDEX jobs_by_key ON jobs (account, job_id) WHERE job_id IS NOT NULL")
    db.table("jobs").create_index(["state"], "jobs_by_state")
    db.table("jobs").create_index(["account", "state"], "jobs_by_account")


def _usage(db: Database) -> None:
    db.table("usage").create(
        {"grp": str, "gpu_seconds": float, "as_of": float},
        pk="grp",
        not_null={"gpu_seconds", "as_of"},
        strict=True,
    )


def _audit(db: Database) -> None:
    """The third trigger stops INSERT OR REPLACE, which would delete a row without asking the second one."""
    db.table("audit").create(
        {"id": int, "at": float, "account": str, "action": str, "target": str, "detail": str},
        pk="id",
        not_null={"at", "action", "detail"},
        strict=True,
    )
    db.execute(auditschema.APPEND_ONLY.format(verb="update", event="UPDATE", condition=""))
    db.execute(auditschema.APPEND_ONLY.format(verb="delete", event="DELETE", condition=""))
    taken = "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"
    db.execute(auditschema.APPEND_ONLY.format(verb="replace", event="INSERT", condition=taken))
