"""Texts of the submit form to a job's fields. Pure. Must not know widgets or the engine."""

import posixpath
import shlex
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.protocol.arrays import parse_array
from engine.protocol.fields import After, JobFields
from rcq_tui.cli.after import conditions
from rcq_tui.cli.times import instant
from rcq_tui.tui.form.questions import BY_FIELD, TICK
from rcq_tui.viewmodel.units import mebibytes, seconds


class Here(NamedTuple):
    """What texts mean here. now: Unix seconds. environment: of names without a value. home, folder: what `~` and
    relative paths begin with; `None` where paths are not this machine's user's.
    """

    now: float
    environment: Mapping[str, str] = {}
    home: str | None = None
    folder: str | None = None


def read(texts: Mapping[str, str], here: Here) -> tuple[JobFields, dict[str, str]]:
    """The job that the form asks for, and what is wrong with which field; the job counts only if nothing is."""
    job, wrong = JobFields(), {}
    for field, text in texts.items():
        if field not in BY_FIELD or not text.strip():
            continue
        try:
            setattr(job, field, value(field, text, here))
        except ValueError as error:
            wrong[field] = str(error)
    if job.script is None:
        wrong["script"] = "say what to run"
    return job, wrong


def value(field: str, text: str, here: Here) -> Any:
    """What the text of a field means, which is not empty. Raises ValueError with what may be written."""
    if BY_FIELD[field].kind == TICK:
        return True
    if field == "script":
        return text
    reader = _READERS.get(field)
    stripped = text.strip()
    return stripped if reader is None else reader(stripped, here)


def _whole(least: int, most: int) -> Callable[[str, Here], int]:
    def reader(text: str, _here: Here) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise ValueError(f"{text!r} is no whole number")
        if not least <= int(text) <= most:
            raise ValueError(f"{least} to {most} may be written" if most < _MANY else f"{least} is the least")
        return int(text)

    return reader


def _size(text: str, _here: Here) -> int:
    return mebibytes(text)


def _duration(text: str, _here: Here) -> int:
    if (found := seconds(text)) < 1:
        raise ValueError("a second is the least")
    return found


def _folder(text: str, here: Here) -> str:
    if here.home is not None and (text == "~" or text.startswith("~/")):
        text = here.home + text[1:]
    if not text.startswith("/"):
        if here.folder is None or text.startswith("~"):
            raise ValueError("write the whole path, from /")
        text = posixpath.join(here.folder, text)
    return posixpath.normpath(text)


def _words(text: str, _here: Here) -> list[str]:
    return _split(text)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{str(error).lower()}: quote as in a shell") from error


def _pairs(text: str, surroundings: Mapping[str, str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _split(text):
        name, equals, told = word.partition("=")
        if not name:
            raise ValueError(f"{word!r} has no name before its =")
        if not equals:
            if surroundings is None or name not in surroundings:
                raise ValueError(f"{name} has no value; write {name}=VALUE, with quotes if it has blanks")
            told = surroundings[name]
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = told
    return found


def _environment(text: str, here: Here) -> dict[str, str]:
    return _pairs(text, here.environment)


def _tags(text: str, _here: Here) -> dict[str, str]:
    return _pairs(text, None)


def _after(text: str, _here: Here) -> list[After]:
    found = conditions(text)
    if any(isinstance(one["id"], str) for one in found):
        raise ValueError("name elements of an array by their own ids; ^g lists jobs")
    return [After(id=one["id"], when=one["when"]) for one in found]


def _begin(text: str, here: Here) -> float:
    return instant(text, here.now)


def _array(text: str, _here: Here) -> str:
    parse_array(text)
    return text


def _cron(text: str, _here: Here) -> str:
    if len(text.split()) != 5:
        raise ValueError("five fields belong there: minute hour day month weekday, such as 30 2 * * 1-5")
    return text


_MANY = 1_000_000
_READERS: dict[str, Callable[[str, Here], Any]] = {
    "workdir": _folder,
    "gpus": _whole(0, _MANY),
    "gpu_memory_mb": _size,
    "cpu_cores": _whole(1, _MANY),
    "memory_mb": _size,
    "time_limit_s": _duration,
    "priority": _whole(1, 10),
    "args": _words,
    "after": _after,
    "begin": _begin,
    "cron": _cron,
    "array": _array,
    "retries": _whole(0, 100),
    "environment": _environment,
    "tags": _tags,
    "gpu_power_w": _whole(1, _MANY),
}
"""How a field's text is read; what is not here is text."""
