"""What `rcq doctor` looks at: one small function for each thing that keeps an engine from working well.

No check changes anything or needs a running engine. Must not know how findings are printed.
"""

from collections.abc import Callable

from engine.daemon.checks.cards import cards
from engine.daemon.checks.finding import Finding, Host
from engine.daemon.checks.installation import packages, python, settings
from engine.daemon.checks.storage import database, state_directory
from engine.daemon.checks.surroundings import cgroups, clock, engine_socket, processes, systemd

CHECKS: tuple[tuple[str, Callable[[Host], Finding]], ...] = (
    ("python", python),
    ("packages", packages),
    ("settings", settings),
    ("state directory", state_directory),
    ("database", database),
    ("clock", clock),
    ("socket", engine_socket),
    ("cards", cards),
    ("processes", processes),
    ("cgroups", cgroups),
    ("systemd", systemd),
)
"""All there is, in the order in which one thing leans on the other."""
