"""Words for when a job is to start, for what would let it start sooner, and for who holds what it lacks.

Everything comes as the API tells it; an unknown code (of a newer engine) shows with its numbers rather than not at all.
Must not know a clock or what draws the words; light enough for the command line.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcq_tui.viewmodel.formats import counted, duration, memory, moment, until
from rcq_tui.viewmodel.text import clean
from rcq_tui.viewmodel.words import amount, bare

Told = Mapping[str, Any]


def paused_sentence(since: float, now: float) -> str:
    """That a job stands still, and what that means for it."""
    return f"It has stood still for {duration(now - since)}; its time limit waits until it goes on, it keeps its cards."


def start_sentence(told: Told, now: float) -> str | None:
    """When it is to start and on what that rests; `None` where nothing is known. told: a `Why` or a `Preview`."""
    start, later = told.get("expected_start"), told.get("later_than")
    if start is None:
        return None if later is None else f"It is not foreseen to start before {moment(later, now)}."
    when = f"{moment(start, now)} ({until(start, now)})"
    on_slurm = " on Slurm" if told.get("place") else ""
    if told.get("basis") == "forecast":
        return f"It is foreseen to start{on_slurm} at about {when}, if runs end as expected and nobody better comes."
    if told.get("basis") == "begin":
        return f"It was submitted to begin at {when}; from then on it stands in the queue."
    cards = [] if on_slurm else told.get("reserved_gpus") or []
    where = f" on GPU {', '.join(map(str, cards))}" if cards else ""
    return f"Promised to start{on_slurm} at {when}{where}; runs that end sooner or later than expected move it."


def claim_sentence(told: Told) -> str | None:
    """That jobs were told to stop for it."""
    cards = told.get("claimed_gpus") or []
    if not cards:
        return None
    return f"Jobs on GPU {', '.join(map(str, cards))} were told to stop for it; it starts when they are gone."


def help_sentence(told: Told, now: float) -> str:
    """One help: `With 1 GPU instead of 2 it starts now.`"""
    changes = [_phrase(change) for change in told.get("changes", ())]
    start = told.get("start_at", now)
    when = "now" if start <= now else f"{until(start, now)} ({moment(start, now)})"
    text = f"{' and '.join(changes)} it starts {when}."
    return text[:1].upper() + text[1:]


def holder_sentence(told: Told, now: float) -> str:
    """One holder: `Job 7 of ann (vision) has GPU 0, 1 since 12:00, until 14:00 by its time limit.`"""
    number = told["id"]
    who = f"Job {number} of {clean(told['account'])}" if number is not None else "A job"
    if told.get("waits"):
        return f"{who} ({clean(told['group'])}) counts, too: it waits in Slurm's queue."
    ends = f"is stopping, gone by {moment(told['until'], now)}" if told["ending"] else _ends(told, now)
    return f"{who} ({clean(told['group'])}) has {_holding(told)} since {moment(told['since'], now)}, {ends}."


def _ends(told: Told, now: float) -> str:
    basis = "by its time limit" if told["basis"] == "time limit" else "as such jobs did before"
    return f"until {moment(told['until'], now)} {basis}"


def _holding(told: Told) -> str:
    """What it holds, as far as it matters to the reasons that it stands behind."""
    codes = set(told["codes"])
    parts: list[str] = []
    if told["gpus"]:
        parts.append(_cards(told))
    if "CORES_BUSY" in codes or not parts:
        parts.append(counted(told["cpu_cores"], "core"))
    if "MEMORY_BUSY" in codes:
        parts.append(f"{memory(told['memory_mb'])} of memory")
    return " and ".join(parts)


def _cards(told: Told) -> str:
    """Which ones, or how many of a cluster's machine: rcq's numbers for those are nobody else's."""
    if told.get("node"):
        return f"{counted(len(told['gpus']), 'GPU')} of {clean(told['node'])}"
    return f"GPU {', '.join(map(str, told['gpus']))}"


# ---------------------------------------------------------------- changes


def _phrase(change: Told) -> str:
    words = PHRASES.get(change.get("code", ""))
    try:
        return words(change) if words is not None else _unknown(change)
    except (KeyError, TypeError, ValueError):  # a newer engine may have renamed a number
        return _unknown(change)


def _unknown(change: Told) -> str:
    numbers = ", ".join(f"{clean(key)} {clean(value)}" for key, value in change.items() if key != "code")
    return f"with {clean(change.get('code', 'UNKNOWN'))} ({numbers})"


def _quota(change: Told) -> str:
    limit, more = amount(change["resource"], change["limit"]), bare(change["resource"], change["by"])
    each = " for each account" if change["each"] else ""
    return f"with {clean(change['scope'])} {clean(change['name'])}'s cap of {limit}{each} raised by {more}"


PHRASES: dict[str, Callable[[Told], str]] = {
    "FEWER_GPUS": lambda change: f"with {counted(change['gpus'], 'GPU')} instead of {change['wanted']}",
    "ANY_GPU_TYPE": lambda change: f"with cards of any type instead of {clean(change['gpu_type'])}",
    "LESS_GPU_MEMORY": lambda change: (
        f"with {memory(change['gpu_memory_mb'])} instead of {memory(change['wanted'])} of each card"
    ),
    "SHARE_GPU": lambda change: f"sharing its card with others ({memory(change['gpu_memory_mb'])} of it)",
    "FEWER_CORES": lambda change: f"with {counted(change['cpu_cores'], 'CPU core')} instead of {change['wanted']}",
    "LESS_MEMORY": lambda change: (
        f"with {memory(change['memory_mb'])} instead of {memory(change['wanted'])} of host memory"
    ),
    "LESS_POWER": lambda change: f"with its cards held to {change['gpu_power_w']} W instead of {change['wanted']}",
    "SHORTER_LIMIT": lambda change: (
        f"with a time limit of {duration(change['time_limit_s'])} instead of {duration(change['wanted'])}"
    ),
    "PREEMPTIBLE": lambda _change: "as a preemptible job",
    "ANYWHERE": lambda _change: "with --anywhere, on Slurm,",
    "RAISE_QUOTA": _quota,
    "RESUME_GPU": lambda change: f"with GPU {change['index']}, which is drained, back in use",
}
"""What is said of each change, by its code."""


def helps_of(told: Told, now: float) -> Sequence[str]:
    """Every help as a sentence."""
    return [help_sentence(one, now) for one in told.get("helps") or ()]
