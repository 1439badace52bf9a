"""A state's colour and symbol: two signs for one thing, so that nothing is told by colour alone.

Colours are names of roles (`ok`, `busy`, `warn`, `bad`, `quiet`, `info`), which the screen maps to its theme.
Must not know what draws them; light enough for the command line.
"""

JOB_STATES: dict[str, tuple[str, str, str]] = {
    "held": ("‖", "=", "quiet"),
    "pending": ("○", "o", "info"),
    "scheduled": ("◔", ">", "busy"),
    "running": ("▶", ">", "busy"),
    "completed": ("✓", "+", "ok"),
    "failed": ("✗", "x", "bad"),
    "cancelled": ("⊘", "-", "quiet"),
    "preempted": ("↺", "<", "warn"),
}
"""State of a job: symbol, ASCII symbol, colour."""

PAUSED: tuple[str, str, str] = ("▮", "|", "warn")
"""Of a running job that stands still: as a state, although it is none: it keeps its cards and its place."""

GPU_STATES: dict[str, tuple[str, str, str]] = {
    "ok": ("●", "*", "ok"),
    "hot": ("▲", "!", "bad"),
    "drained": ("◌", "-", "quiet"),
    "quarantined": ("■", "#", "bad"),
    "missing": ("✗", "x", "bad"),
}
"""State of a card: symbol, ASCII symbol, colour."""

WAITING = ("held", "pending")
LEASED = ("scheduled", "running")
LIVE = (*LEASED, "pending", "held")
FINISHED = ("completed", "failed", "cancelled", "preempted")


def shown(state: str, paused_since: float | None) -> str:
    """What a job's state is called: a running one that stands still is `paused`."""
    return "paused" if state == "running" and paused_since is not None else state


def symbol(state: str, *, ascii_only: bool = False) -> str:
    """The sign of a job's or card's state; `?` for one that this version does not know."""
    known = _known(state)
    return "?" if known is None else known[1 if ascii_only else 0]


def colour(state: str) -> str:
    """The role of the colour of a job's or card's state; `quiet` for an unknown one."""
    known = _known(state)
    return "quiet" if known is None else known[2]


def _known(state: str) -> tuple[str, str, str] | None:
    return PAUSED if state == "paused" else JOB_STATES.get(state) or GPU_STATES.get(state)
