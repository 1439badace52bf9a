"""What people are told of a running job, of a card or of the engine while it lasts: the codes, and the numbers of each.

Front end and engine share them; the words are made where they are shown. Must not know who tells or shows them.
"""

NOTICES: dict[str, tuple[str, ...]] = {
    "GPU_IDLE": ("gpus", "idle_s"),
    "GPU_CRITICAL": ("gpu", "index", "temperature_c", "critical_c", "action"),
    "GPU_OVER_DECLARED": ("gpu", "index", "declared_mb", "used_mb", "action"),
    "GPU_FAULT": ("gpu", "index", "cause", "action"),
    "GPU_XID": ("gpu", "index", "xid"),
    "FOREIGN_PROCESS": ("gpu", "index", "pid", "user", "memory_mb", "charged"),
    "POWER_CAPPED": ("gpu", "index", "watts", "limit_w"),
    "POWER_NOT_RESTORED": ("gpu", "index", "watts", "limit_w"),
    "START_DELAYED": ("why",),
    "BACKUP_FAILED": ("why", "last_at"),
    "DISK_FAILING": ("why",),
}
"""Code to the names of its numbers. A job's notices are its owner's; FOREIGN_PROCESS goes to the account that is linked
to the Unix user, and to admins."""
