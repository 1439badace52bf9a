"""What an answer of the submit form means, in words beside it: when a job would begin, how many jobs there are.

Pure. Must not know widgets; what is wrong is `reading`'s matter.
"""

from collections.abc import Callable
from typing import Any

from engine.protocol.arrays import parse_array
from engine.protocol.fields import After
from rcq_tui.tui.form.reading import Here, value
from rcq_tui.viewmodel.formats import counted, duration, exact, memory, moment, until

_WORDS = {"ok": "completed", "any": "ended", "failed": "failed"}


def meaning(field: str, text: str, here: Here) -> str:
    """What is understood, where that is not what stands there already; else empty."""
    words = _MEANINGS.get(field)
    if words is None or not text.strip():
        return ""
    try:
        return words(value(field, text, here), text.strip(), here)
    except ValueError:
        return ""


def array_meaning(text: str) -> str:
    """`100 jobs, 4 at once: 0 to 99`. Raises ValueError."""
    spec = parse_array(text)
    at_once = "all at once" if spec.most is None else f"{min(spec.most, spec.size)} at once"
    return f"{counted(spec.size, 'job')}, {at_once}: {spec.indices[0]} to {spec.indices[-1]}"


def _time(seconds: Any, text: str, here: Here) -> str:
    return f"{duration(seconds)}: from now until {moment(here.now + seconds, here.now)}"


def _size(mebibytes: Any, text: str, here: Here) -> str:
    return "" if memory(mebibytes).lower() == text.lower() else f"{memory(mebibytes)} ({mebibytes} MiB)"


def _begin(at: Any, text: str, here: Here) -> str:
    if at <= here.now:
        return "at once: that time has come"
    return f"{exact(at)[:16]} ({until(at, here.now)})"


def _after(those: list[After], text: str, here: Here) -> str:
    told = [f"{one.id} has {_WORDS[one.when]}" for one in those[:3]]
    more = f" and {len(those) - 3} more" if len(those) > 3 else ""
    return f"when {', '.join(told)}{more}"


def _folder(path: Any, text: str, here: Here) -> str:
    return "" if path == text else str(path)


def _environment(pairs: Any, text: str, here: Here) -> str:
    return counted(len(pairs), "variable")


_MEANINGS: dict[str, Callable[[Any, str, Here], str]] = {
    "time_limit_s": _time,
    "gpu_memory_mb": _size,
    "memory_mb": _size,
    "begin": _begin,
    "after": _after,
    "workdir": _folder,
    "environment": _environment,
    "array": lambda spec, text, here: array_meaning(text),
}
