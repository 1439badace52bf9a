"""What `rcq doctor` looks at: one small function for each thing that keeps an engine from working well.

No check changes anything or needs a running engine. Must not know how findings are printed.
"""

from collections.abc import Callable

from engine.daemon.checks.backup import backup
from engine.daemon.checks.cards import cards
from engine.daemon.checks.finding import Finding, Host
from engine.daemon.checks.installation import packages, python, settings
from engine.daemon.checks.jobfiles import job_files
from engine.daemon.checks.kernel import controllers, limits
from engine.daemon.checks.metrics import metrics
from engine.daemon.checks.nodes import card_files
from engine.daemon.checks.ownership import access_lists, disk, state_of_service
from engine.daemon.checks.people import accounts
from engine.daemon.checks.private import private_files
from engine.daemon.checks.sessions import log_out, time_keeping
from engine.daemon.checks.slurm import cluster, shared_files
from engine.daemon.checks.storage import database, state_directory
from engine.daemon.checks.surroundings import cgroups, clock, engine_socket, processes, systemd
from engine.daemon.checks.units import launcher, restarts, services

Checks = tuple[tuple[str, Callable[[Host], Finding]], ...]

PERSONAL: Checks = (
    ("python", python),
    ("packages", packages),
    ("settings", settings),
    ("state directory", state_directory),
    ("database", database),
    ("backup", backup),
    ("private files", private_files),
    ("job files", job_files),
    ("clock", clock),
    ("socket", engine_socket),
    ("metrics", metrics),
    ("cards", cards),
    ("slurm", cluster),
    ("slurm files", shared_files),
    ("processes", processes),
    ("cgroups", cgroups),
    ("systemd", systemd),
)
"""Of an engine of one's own, in the order in which one thing leans on the other."""

APPLIANCE: Checks = (
    ("python", python),
    ("packages", packages),
    ("settings", settings),
    ("cgroups", controllers),
    ("limits", limits),
    ("state directory", state_of_service),
    ("disk", disk),
    ("access lists", access_lists),
    ("database", database),
    ("backup", backup),
    ("private files", private_files),
    ("job files", job_files),
    ("clock", clock),
    ("time keeping", time_keeping),
    ("services", services),
    ("restarts", restarts),
    ("launcher", launcher),
    ("socket", engine_socket),
    ("metrics", metrics),
    ("log-out", log_out),
    ("cards", cards),
    ("card files", card_files),
    ("slurm", cluster),
    ("slurm files", shared_files),
    ("people", accounts),
)
"""Of the machine's engine, likewise."""


def checks_of(host: Host) -> Checks:
    """What is looked at there."""
    return APPLIANCE if host.system else PERSONAL
