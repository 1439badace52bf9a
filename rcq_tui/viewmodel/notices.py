"""Words for notices: what people are told of a running job or of a card, as a sentence and in a few characters.

A notice comes as the API tells it: `{"code": …, "at": …}` and its numbers. An unknown code (of a newer engine) shows
with its numbers rather than not at all. Must not know a clock or what draws the words; light enough for the command
line.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rcq_tui.viewmodel.faults import fault, short_fault
from rcq_tui.viewmodel.formats import degrees, duration, exact, memory
from rcq_tui.viewmodel.text import clean, cut

Notice = Mapping[str, Any]

SHORT_CELLS = 28
"""`short` never takes more."""


def sentence(notice: Notice) -> str:
    """One full sentence."""
    return _in(_SENTENCES, notice) or _unknown(notice) + "."


def short(notice: Notice) -> str:
    """At most 28 cells, such as `no GPU in use for 42m`."""
    return cut(_in(_SHORTS, notice) or _unknown(notice), SHORT_CELLS)


def summary(notices: Iterable[Notice]) -> str:
    """The newest notice in a few characters, with `+n` for n others; empty if there is none."""
    standing = list(notices)
    if not standing:
        return ""
    rest = f" +{len(standing) - 1}" if len(standing) > 1 else ""
    return cut(short(standing[-1]), SHORT_CELLS - len(rest)) + rest


def toast(notice: Notice) -> str:
    """The sentence, and before it the job that it is about, if it is about one."""
    job = notice.get("job")
    return sentence(notice) if job is None else f"Job {clean(job)}: {sentence(notice)}"


def _in(words: Mapping[str, Callable[[Notice], str]], notice: Notice) -> str | None:
    found = words.get(str(notice.get("code", "")))
    if found is None:
        return None
    try:
        return clean(found(notice))
    except (KeyError, TypeError, ValueError):  # a newer engine may have renamed a number
        return None


def _unknown(notice: Notice) -> str:
    told = {name: value for name, value in notice.items() if name not in ("code", "at", "job")}
    numbers = ", ".join(f"{clean(name)} {clean(value)}" for name, value in told.items())
    code = clean(notice.get("code", "UNKNOWN"))
    return f"{code}: {numbers}" if numbers else code


# ---------------------------------------------------------------- sentences


def _idle(notice: Notice) -> str:
    cards = "its GPU" if notice["gpus"] == 1 else f"any of its {notice['gpus']} GPUs"
    return f"It has not used {cards} for {duration(notice['idle_s'])}."


_ACTIONS = {
    "pause": "the job is paused until it is cool",
    "preempt": "the job is stopped and queued again",
    "requeue": "the job is stopped and queued again",
    "fail": "the job is ended",
    "stop": "the job is ended",
    "leave": "the job is left to try",
}


def _then(notice: Notice) -> str:
    done = _ACTIONS.get(str(notice["action"]))
    return f"; {done}." if done else "."


def _critical(notice: Notice) -> str:
    now_c, bound = notice["temperature_c"], degrees(notice["critical_c"])
    if now_c is not None and now_c >= notice["critical_c"]:
        return f"GPU {notice['index']} is critically hot: {degrees(now_c)}, at or above {bound}{_then(notice)}"
    cooler = "" if now_c is None else f" at {degrees(now_c)}"
    return f"GPU {notice['index']} is critically hot{cooler}: it was at {bound}, or heat slows it down{_then(notice)}"


def _over_declared(notice: Notice) -> str:
    used, asked = memory(notice["used_mb"]), memory(notice["declared_mb"])
    return f"It uses {used} of GPU {notice['index']} and asked for {asked} of it{_then(notice)}"


def _fault(notice: Notice) -> str:
    return f"GPU {notice['index']} is out of use: {fault(str(notice['cause']))}{_then(notice)}"


def _xid(notice: Notice) -> str:
    return f"GPU {notice['index']} reported Xid {notice['xid']}, an error that a program on it usually causes itself."


def _foreign(notice: Notice) -> str:
    who = clean(notice["user"]) or "an unknown user"
    size = "" if notice["memory_mb"] is None else f" with {memory(notice['memory_mb'])}"
    charged = "; it is charged to the account" if notice["charged"] else ""
    return f"Process {notice['pid']} of {who} is on GPU {notice['index']}{size} and was not started by rcq{charged}."


def _capped(notice: Notice) -> str:
    watts, limit = f"{notice['watts']:.0f} W", f"{notice['limit_w']:.0f} W"
    return f"GPU {notice['index']} is held to {watts} instead of {limit} until it is cool."


def _not_restored(notice: Notice) -> str:
    watts, limit = f"{notice['watts']:.0f} W", f"{notice['limit_w']:.0f} W"
    return f"GPU {notice['index']} is still held to {watts}: its limit of {limit} could not be set again."


def _delayed(notice: Notice) -> str:
    return f"It cannot be started now, and is tried again until it can: {clean(notice['why']).rstrip('.')}."


def _no_backup(notice: Notice) -> str:
    last = "there is none" if notice["last_at"] is None else f"the last one is of {exact(notice['last_at'])}"
    return f"The database could not be backed up, {last}: {clean(notice['why']).rstrip('.')}."


def _no_disk(notice: Notice) -> str:
    return f"Nothing can be written to the database: {clean(notice['why']).rstrip('.')}."


_SENTENCES: dict[str, Callable[[Notice], str]] = {
    "GPU_IDLE": _idle,
    "GPU_CRITICAL": _critical,
    "GPU_OVER_DECLARED": _over_declared,
    "GPU_FAULT": _fault,
    "GPU_XID": _xid,
    "FOREIGN_PROCESS": _foreign,
    "POWER_CAPPED": _capped,
    "POWER_NOT_RESTORED": _not_restored,
    "START_DELAYED": _delayed,
    "BACKUP_FAILED": _no_backup,
    "DISK_FAILING": _no_disk,
}


# ---------------------------------------------------------------- short forms

_SHORTS: dict[str, Callable[[Notice], str]] = {
    "GPU_IDLE": lambda notice: f"no GPU in use for {duration(notice['idle_s'])}",
    "GPU_CRITICAL": lambda notice: f"GPU {notice['index']} critical: {degrees(notice['temperature_c'])}",
    "GPU_OVER_DECLARED": lambda notice: f"uses {memory(notice['used_mb'])} of {memory(notice['declared_mb'])} asked",
    "GPU_FAULT": lambda notice: f"GPU {notice['index']} fault: {short_fault(str(notice['cause']))}",
    "GPU_XID": lambda notice: f"GPU {notice['index']}: Xid {notice['xid']}",
    "FOREIGN_PROCESS": lambda notice: f"GPU {notice['index']}: {clean(notice['user']) or 'somebody'} beside",
    "POWER_CAPPED": lambda notice: f"GPU {notice['index']} held to {notice['watts']:.0f} W",
    "POWER_NOT_RESTORED": lambda notice: f"GPU {notice['index']} still at {notice['watts']:.0f} W",
    "START_DELAYED": lambda notice: "cannot be started now",
    "BACKUP_FAILED": lambda notice: "no backup of the database",
    "DISK_FAILING": lambda notice: "the disk takes no writes",
}
