"""How many files and connections this process may have open. Must not know what they are for."""

import resource

ENOUGH = 65_536
"""No more are asked for: programs that go through all descriptors at their start would take long."""
KEPT = 256
"""Descriptors that are kept for the database, logs and job files, beside connections."""

_usual = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_limit() -> int:
    """Take as many as this process may ask for itself; how many that are. What it starts inherits them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(ENOUGH, hard) if hard != resource.RLIM_INFINITY else ENOUGH
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def as_usual(*command: str) -> list[str]:
    """The command, started with the limit that this process had at its own start: jobs find what people are used to.

    By the shell, as nothing else lowers it between this process and the program that it becomes.
    """
    soft = "unlimited" if _usual == resource.RLIM_INFINITY else str(_usual)
    return ["/bin/sh", "-c", 'ulimit -S -n "$0"; exec "$@"', soft, *command]
