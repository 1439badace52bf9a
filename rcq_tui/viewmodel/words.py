"""Words for reasons: why a job does not start, as one plain sentence and as a few characters for a column.

A reason comes as the API tells it: `{"code": …}` and its numbers. Every code of the scheduling core has words here,
and an unknown one (of a newer engine) shows with its numbers rather than not at all. Must not know a clock or what
draws the words; light enough for the command line.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rcq_tui.viewmodel import slurmwords
from rcq_tui.viewmodel.faults import fault, short_fault
from rcq_tui.viewmodel.formats import counted, degrees, memory, moment, until
from rcq_tui.viewmodel.text import clean, cut

Reason = Mapping[str, Any]

SHORT_CELLS = 28
"""`short` never takes more."""

_UNITS = {"gpus": "GPU", "cpu_cores": "core", "jobs": "job", "gpu_hours": "GPU-hour"}


def sentence(reason: Reason, now: float) -> str:
    """One full sentence with both sides of the comparison. now: Unix seconds, to tell times of day from dates."""
    words = _SENTENCES.get(reason.get("code", ""))
    if words is None:
        return _unknown(reason) + "."
    try:
        return clean(words(reason, now))
    except (KeyError, TypeError, ValueError):  # a newer engine may have renamed a number
        return _unknown(reason) + "."


def sentences(reasons: Iterable[Reason], now: float) -> list[str]:
    """Every reason as a sentence."""
    return [sentence(reason, now) for reason in reasons]


def short(reason: Reason) -> str:
    """At most 28 cells, such as `group vision: 4 of 4 GPUs`."""
    words = _SHORTS.get(reason.get("code", ""))
    if words is None:
        return cut(_unknown(reason), SHORT_CELLS)
    try:
        return cut(clean(words(reason)), SHORT_CELLS)
    except (KeyError, TypeError, ValueError):
        return cut(_unknown(reason), SHORT_CELLS)


def leading(reasons: Iterable[Reason]) -> Reason | None:
    """The one reason to name where there is room for one.

    What time alone does not heal comes first. A card that is hot, drained or in foreign use is named before "GPUs
    busy" only if such cards alone make the difference.
    """
    ranked = list(reasons)
    if not ranked:
        return None
    lacking = sum(_lacking(reason) for reason in ranked)
    cards = sum(reason.get("code") in _CARD_CODES for reason in ranked)
    rank = _RANK if cards < lacking else _RANK_CARDS_FIRST
    return min(ranked, key=lambda reason: rank.get(reason.get("code", ""), len(rank)))


def summary(reasons: Iterable[Reason]) -> str:
    """The leading reason in a few characters, with `+n` for n further ones; empty if there is none."""
    ranked = list(reasons)
    first = leading(ranked)
    if first is None:
        return ""
    rest = f" +{len(ranked) - 1}" if len(ranked) > 1 else ""
    return cut(short(first), SHORT_CELLS - len(rest)) + rest


def _lacking(reason: Reason) -> int:
    if reason.get("code") != "GPUS_BUSY":
        return 0
    wanted, free = reason.get("wanted"), reason.get("free")
    return max(0, wanted - free) if isinstance(wanted, int) and isinstance(free, int) else 0


def _unknown(reason: Reason) -> str:
    numbers = ", ".join(f"{clean(key)} {clean(value)}" for key, value in reason.items() if key != "code")
    code = clean(reason.get("code", "UNKNOWN"))
    return f"{code}: {numbers}" if numbers else code


def _verb(number: int) -> str:
    return "is" if number == 1 else "are"


# ---------------------------------------------------------------- sentences


def _gpus_busy(reason: Reason, _now: float) -> str:
    free, matching = reason["free"], reason["matching"]
    needs = f"Needs {counted(reason['wanted'], 'GPU')}"
    if matching == 0:
        return f"{needs}; there is no card that matches."
    if matching == 1:
        return f"{needs}; the one card that matches is not free (0 of 1)." if free == 0 else f"{needs}; 1 of 1 is free."
    return f"{needs}; {free} of the {matching} cards that match {_verb(free)} free."


def _gpu_hot(reason: Reason, _now: float) -> str:
    card, now_c = f"GPU {reason['index']}", reason["temperature_c"]
    threshold, resume = degrees(reason["threshold_c"]), degrees(reason["resume_c"])
    if (critical := reason.get("critical_c")) is not None and now_c is not None:
        return (
            f"{card} is critically hot: {degrees(now_c)} (critical from {degrees(critical)}), and no job starts at "
            f"{threshold} or above; back below {resume}."
        )
    if _is_near_slowdown(reason):
        left, least = degrees(reason["margin_c"]), degrees(reason["margin_min_c"])
        return f"{card} is too hot: {left} are left before it slows itself down, and no job starts at {least} or less."
    if now_c is None:
        return f"{card} tells no temperature; no job starts at {threshold} or above, and it comes back below {resume}."
    if now_c >= reason["threshold_c"]:
        return f"{card} is too hot: {degrees(now_c)}, and no job starts at {threshold} or above; back below {resume}."
    return _gpu_cools(reason, card, now_c)


def _gpu_cools(reason: Reason, card: str, now_c: float) -> str:
    threshold, resume = degrees(reason["threshold_c"]), degrees(reason["resume_c"])
    if reason["throttled"]:
        told = ", ".join(clean(word) for word in reason.get("throttle") or ())
        why = f": {told}, at" if told else " because of heat at"
        return f"{card} is slowed down by its driver{why} {degrees(now_c)} (threshold {threshold})."
    return f"{card} is cooling down: {degrees(now_c)}, and it comes back below {resume} (it was over {threshold})."


def _is_near_slowdown(reason: Reason) -> bool:
    margin_c, least_c = reason.get("margin_c"), reason.get("margin_min_c")
    cool = reason["temperature_c"] is None or reason["temperature_c"] < reason["threshold_c"]
    return cool and margin_c is not None and least_c is not None and margin_c <= least_c


def _gpu_drained(reason: Reason, _now: float) -> str:
    return f"GPU {reason['index']} is drained: an admin took it out of use."


def _gpu_quarantined(reason: Reason, _now: float) -> str:
    card, cause = f"GPU {reason['index']}", reason.get("cause")
    if cause == "missing":
        return f"{card} is missing: {fault(cause)}."
    return f"{card} is quarantined: {fault(cause) if cause else 'the health monitor took it out of use'}."


def _gpu_settling(reason: Reason, _now: float) -> str:
    used = "" if reason["used_mb"] is None else f"; {memory(reason['used_mb'])} at last sight"
    return f"A job has just left GPU {reason['index']}, and its memory was not seen free yet{used}."


def _short_quarantined(reason: Reason) -> str:
    cause = reason.get("cause")
    return f"GPU {reason['index']} {short_fault(cause) if cause else 'quarantined'}"


def _users(reason: Reason) -> str:
    return ", ".join(clean(user) for user in reason.get("users") or ())


def _others(reason: Reason) -> str:
    return "others" if reason.get("processes") else "somebody"


def _gpu_foreign(reason: Reason, _now: float) -> str:
    found, tolerated = memory(reason["foreign_mb"]), memory(reason["tolerated_mb"])
    number, users = reason.get("processes"), _users(reason)
    if number == 0 and not users:
        return f"GPU {reason['index']} has {found} in use that nobody is known to hold; {tolerated} are tolerated."
    noun = f"{number} process{'es' * (number != 1)}" if number else "processes"
    told = f"{noun} of {users}, which rcq did not start" if users else f"{noun} that rcq did not start"
    return f"GPU {reason['index']} carries {found} of {told}; {tolerated} are tolerated."


def _gpu_memory_taken(reason: Reason, _now: float) -> str:
    wanted, free = memory(reason["wanted_mb"]), memory(reason["free_mb"])
    return f"GPU {reason['index']} has room in the books, but only {free} are really free; this job needs {wanted}."


def _power_budget(reason: Reason, _now: float) -> str:
    wanted, free, budget = (round(reason[key]) for key in ("wanted_w", "free_w", "budget_w"))
    return f"Its cards may draw {wanted} W more; {free} of the host's {budget} W are free."


def _cores_busy(reason: Reason, _now: float) -> str:
    free = reason["free"]
    return f"Needs {counted(reason['wanted'], 'CPU core')}; {free} of {reason['total']} {_verb(free)} free."


def _memory_busy(reason: Reason, _now: float) -> str:
    wanted, free, total = (memory(reason[key]) for key in ("wanted", "free", "total"))
    return f"Needs {wanted} of host memory; {free} of {total} are free."


def _quota_reached(reason: Reason, _now: float) -> str:
    whose = f"{clean(reason['scope']).capitalize()} {clean(reason['name'])}"
    used, limit = reason["used"], amount(reason["resource"], reason["limit"])
    holds = bare(reason["resource"], used)
    needs = amount(reason["resource"], reason["wanted"])
    return f"{whose} holds {holds} of at most {limit}; this job needs {needs} more."


def _would_delay(reason: Reason, now: float) -> str:
    ends, starts = moment(reason["until"], now), moment(reason["start_at"], now)
    return f"May run until {ends}, past {starts} when job {clean(reason['job'])} is promised its start."


def _booked(reason: Reason, now: float) -> str:
    card, begins, ends = f"GPU {reason['index']}", moment(reason["start_at"], now), moment(reason["end_at"], now)
    if reason["start_at"] <= now:
        return f"{card} is booked until {ends}."
    return f"{card} is booked from {begins} to {ends}; this job may run until {moment(reason['until'], now)}."


def _array_limit(reason: Reason, _now: float) -> str:
    array, running = clean(reason["parent"]), reason["running"]
    return f"{running} of array {array}'s jobs {_verb(running)} running; at most {reason['limit']} may at once."


def _begin_time(reason: Reason, now: float) -> str:
    return f"Was submitted to begin {until(reason['begin_at'], now)} ({moment(reason['begin_at'], now)})."


_ENDS_AS = {"ok": "complete", "failed": "fail", "any": "end"}


def _dependency(reason: Reason, _now: float) -> str:
    job, how = clean(reason["job"]), _ENDS_AS.get(reason["when"], "end")
    return f"Waits for job {job} to {how}; that job is {clean(reason['state'])}."


def _impossible(reason: Reason, _now: float) -> str:
    needs, most = amount(reason["resource"], reason["wanted"]), bare(reason["resource"], reason["most"])
    return f"Can never start here: needs {needs}, and this host has {most} at most."


def amount(resource: str, number: float) -> str:
    """A number of a resource with its unit."""
    number = _neat(number)
    if resource in {"gpu_memory_mb", "memory_mb"}:
        return f"{memory(number)} {'GPU memory' if resource == 'gpu_memory_mb' else 'memory'}"
    if resource == "gpu_power_w":
        return f"{number} W for its cards and those at rest"
    if resource == "gpu_type":
        return f"{counted(number, 'GPU')} of its type"
    if resource.startswith("gpus:"):
        kind = clean(resource.removeprefix("gpus:"))
        return counted(number, f"{kind} GPU")
    return counted(number, _UNITS[resource]) if resource in _UNITS else f"{number} {clean(resource)}"


def _short_amount(resource: str, number: float) -> str:
    return f"{_neat(number)} W" if resource == "gpu_power_w" else amount(resource, number)


def bare(resource: str, number: float) -> str:
    """The number alone; memory keeps its unit."""
    return memory(number) if resource in {"gpu_memory_mb", "memory_mb"} else str(_neat(number))


def _neat(number: float) -> float:
    """No decimals where there are none, else one: hours are not whole."""
    return int(number) if number == int(number) else round(number, 1)


_SENTENCES: dict[str, Callable[[Reason, float], str]] = {
    "GPUS_BUSY": _gpus_busy,
    "GPU_HOT": _gpu_hot,
    "GPU_DRAINED": _gpu_drained,
    "GPU_QUARANTINED": _gpu_quarantined,
    "GPU_SETTLING": _gpu_settling,
    "GPU_FOREIGN": _gpu_foreign,
    "GPU_MEMORY_TAKEN": _gpu_memory_taken,
    "POWER_BUDGET": _power_budget,
    "CORES_BUSY": _cores_busy,
    "MEMORY_BUSY": _memory_busy,
    "QUOTA_REACHED": _quota_reached,
    "WOULD_DELAY": _would_delay,
    "BOOKED": _booked,
    "ARRAY_LIMIT": _array_limit,
    "BEGIN_TIME": _begin_time,
    "DEPENDENCY": _dependency,
    "IMPOSSIBLE": _impossible,
    **slurmwords.SENTENCES,
}


# ---------------------------------------------------------------- short forms


def _short_hot(reason: Reason) -> str:
    now_c = reason["temperature_c"]
    if _is_near_slowdown(reason):
        return f"GPU {reason['index']} hot: {degrees(reason['margin_c'])} left"
    if now_c is None:
        return f"GPU {reason['index']} hot"
    if now_c >= reason["threshold_c"]:
        return f"GPU {reason['index']} hot: {now_c:.0f} of {degrees(reason['threshold_c'])}"
    if reason["throttled"]:
        return f"GPU {reason['index']} throttled: {degrees(now_c)}"
    return f"GPU {reason['index']} cools: {now_c:.0f} to {degrees(reason['resume_c'])}"


def _short_quota(reason: Reason) -> str:
    tail = f": {bare(reason['resource'], reason['used'])} of {amount(reason['resource'], reason['limit'])}"
    head = f"{clean(reason['scope'])} {clean(reason['name'])}"
    return cut(head, max(8, SHORT_CELLS - len(tail))) + tail


_SHORTS: dict[str, Callable[[Reason], str]] = {
    "GPUS_BUSY": lambda reason: f"needs {counted(reason['wanted'], 'GPU')}, {reason['free']} free",
    "GPU_HOT": _short_hot,
    "GPU_DRAINED": lambda reason: f"GPU {reason['index']} drained",
    "GPU_QUARANTINED": _short_quarantined,
    "GPU_SETTLING": lambda reason: f"GPU {reason['index']}: memory not free yet",
    "GPU_FOREIGN": lambda reason: (
        f"GPU {reason['index']}: {memory(reason['foreign_mb'])} by {_users(reason) or _others(reason)}"
    ),
    "GPU_MEMORY_TAKEN": lambda reason: f"GPU {reason['index']}: only {memory(reason['free_mb'])} free",
    "POWER_BUDGET": lambda reason: f"needs {reason['wanted_w']:.0f} W, {reason['free_w']:.0f} free",
    "CORES_BUSY": lambda reason: f"needs {counted(reason['wanted'], 'core')}, {reason['free']} free",
    "MEMORY_BUSY": lambda reason: f"needs {memory(reason['wanted'])}, {memory(reason['free'])} free",
    "QUOTA_REACHED": _short_quota,
    "WOULD_DELAY": lambda reason: f"would delay job {clean(reason['job'])}",
    "BOOKED": lambda reason: f"GPU {reason['index']} is booked",
    "ARRAY_LIMIT": lambda reason: f"array: {reason['running']} of {reason['limit']} run",
    "BEGIN_TIME": lambda _reason: "its begin time has not come",
    "DEPENDENCY": lambda reason: f"after job {clean(reason['job'])} ({clean(reason['when'])})",
    "IMPOSSIBLE": lambda reason: (
        f"never: {_short_amount(reason['resource'], reason['wanted'])} of {bare(reason['resource'], reason['most'])}"
    ),
    **slurmwords.SHORTS,
}

_CARD_CODES = frozenset(
    {"GPU_HOT", "GPU_SETTLING", "GPU_DRAINED", "GPU_QUARANTINED", "GPU_FOREIGN", "GPU_MEMORY_TAKEN"}
)
_BEFORE = ("IMPOSSIBLE", "SLURM_AWAY", "SLURM_QUEUE", "DEPENDENCY", "BEGIN_TIME", "QUOTA_REACHED", "ARRAY_LIMIT")
_CARDS = ("GPU_HOT", "GPU_SETTLING", "GPU_QUARANTINED", "GPU_DRAINED", "GPU_FOREIGN", "GPU_MEMORY_TAKEN")
_AFTER = ("POWER_BUDGET", "CORES_BUSY", "MEMORY_BUSY", "BOOKED", "WOULD_DELAY")
_CLUSTER = ("CLUSTER_UNKNOWN", "CLUSTER_QUEUE_FULL", "CLUSTER_OUT_OF_USE", "GOES_TO_CLUSTER")
_RANK = {code: at for at, code in enumerate((*_BEFORE, "GPUS_BUSY", *_AFTER, *_CARDS, *_CLUSTER))}
_RANK_CARDS_FIRST = {code: at for at, code in enumerate((*_BEFORE, *_CARDS, "GPUS_BUSY", *_AFTER, *_CLUSTER))}
