"""What the engine answers about its audit log. Times are Unix seconds.

Front end and engine share these. Must not know how any of it is found or shown.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class AuditEntry:
    """One change. account: who did it, `None` for the engine itself and for who is not logged in.

    via: how it is known who that is: `peer` (the Unix user), `session`, `token:NAME`, `password` (a log-in), `cron` (a
    recurring job's turn), `engine`, or `command` (run on the engine's own files). uid, pid: the process that it came
    from, when it connected; user: the name of that uid now. owner: the account that it is about. before, after: what
    has changed, by name; detail: what else is told. sha256: over this entry and the one before, hex.
    """

    id: int
    at: float
    account: str | None
    via: str | None
    uid: int | None
    pid: int | None
    user: str | None
    action: str
    target: str | None
    owner: str | None
    sha256: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class AuditPage:
    """Entries, newest first; `cursor` asks for older ones, `None` at the end."""

    items: list[AuditEntry]
    cursor: str | None = None


@dataclass(slots=True, kw_only=True)
class AuditChain:
    """Whether each entry is what was written. entries: that were found to be. last_id: of the newest entry.

    broken: id of the first entry that was changed or is missing, `None`: none. head: SHA-256 of the newest entry:
    whoever keeps it elsewhere can tell later whether the log up to there is still the same.
    """

    entries: int
    last_id: int
    head: str
    broken: int | None = None
