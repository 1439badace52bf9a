"""Slurm's ways to write times, sizes, cards, jobs and file names, each turned into rcq's. Pure.

Every function raises ValueError, whose words say what is wrong and what to write. Must not know whose value a text is.
"""

import re
from typing import NamedTuple

_TIME = re.compile(r"(?:(\d+)-(\d+)(?::(\d+))?(?::(\d+))?|(\d+)(?::(\d+))?(?::(\d+))?)", re.ASCII)
_SIZE = re.compile(r"(\d+)([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_KIB = {"K": 1, "": 1024, "M": 1024, "G": 1024**2, "T": 1024**3}
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_TYPE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_AHEAD = re.compile(r"now\+(\d+)\s*(second|minute|hour|day|week)?s?", re.ASCII | re.IGNORECASE)
_LETTER = {"second": "s", "minute": "m", "hour": "h", "day": "d"}
_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(:\d{2})?\s*([ap]m)?", re.ASCII | re.IGNORECASE)
_NAMED = {"midnight": "00:00", "elevenses": "11:00", "noon": "12:00", "fika": "15:00", "teatime": "16:00"}
_AMERICAN = re.compile(r"(\d{2})([/.]?)(\d{2})\2(\d{2})", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?", re.ASCII)
_JOB = re.compile(r"(\d{1,18})(?:_(\d{1,10}))?", re.ASCII)
_WHEN = {"afterok": "ok", "afternotok": "failed", "afterany": "any"}


class Cards(NamedTuple):
    """How many GPUs, and words of their model name."""

    number: int
    kind: str | None


def duration(text: str) -> str:
    """A time limit: `30` (minutes), `30:00`, `2:00:00`, `1-12`, `1-12:30`, `1-12:30:00` as `1d12h30m`."""
    if text.lower() in {"infinite", "unlimited", "-1"}:
        raise ValueError(f"{text!r} is no limit, and every job has one here; write for example 7-00:00:00")
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is none of Slurm's times: 30 (minutes), 30:00, 2:00:00, 1-12, 1-12:30, 1-12:30:00")
    total = _seconds(found)
    if total == 0:
        raise ValueError("0 is no limit, and every job has one here; write for example 7-00:00:00")
    hours, minutes, rest = total % 86400 // 3600, total % 3600 // 60, total % 60
    parts = [(total // 86400, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _seconds(found: re.Match[str]) -> int:
    days, hours, minutes, rest, first, second, third = (int(part or 0) for part in found.groups())
    if found[5] is None:
        return ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if found[7] is not None:
        return (first * 60 + second) * 60 + third
    return first * 60 + second


def mebibytes(text: str) -> int:
    """Memory: `4000` (MiB), `4000M`, `64G`, rounded up."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no size; write for example 4000M or 64G")
    kib = int(found[1]) * _KIB[found[2].upper()]
    if kib == 0:
        raise ValueError("0 means all memory of the machine; write how much the job needs, such as 64G")
    return -(-kib // 1024)


def size(mebi: int) -> str:
    """MiB as people write them."""
    return f"{mebi // 1024}G" if mebi % 1024 == 0 else f"{mebi}M"


def count(text: str) -> int:
    """A whole number from 1 up."""
    if _COUNT.fullmatch(text) is None or int(text) == 0:
        raise ValueError(f"{text!r} is no whole number from 1 up")
    return int(text)


def cards(text: str) -> Cards:
    """`2`, `a100`, `a100:2`."""
    kind, colon, number = text.rpartition(":")
    if "," in text:
        raise ValueError(f"{text!r} asks for several kinds of GPUs; a job's GPUs are of one kind here")
    if not colon and _COUNT.fullmatch(number) is None:
        kind, number = number, "1"
    if _COUNT.fullmatch(number) is None or (kind and _TYPE.fullmatch(kind) is None):
        raise ValueError(f"{text!r} is no number of GPUs; write for example 2 or a100:2")
    return Cards(int(number), kind or None)


def of_gres(text: str) -> Cards:
    """`gpu`, `gpu:2`, `gpu:a100`, `gpu:a100:2`."""
    name, colon, rest = text.partition(":")
    if name not in {"gpu", "gres/gpu"}:
        raise ValueError(f"{text!r} is no GPUs, the only such resource here; leave it out")
    return cards(rest) if colon else Cards(1, None)


def begin(text: str) -> str:
    """A point in time as `rcq submit --begin` takes it."""
    plain = text.replace(" ", "")
    if (ahead := _AHEAD.fullmatch(plain)) is not None:
        unit = (ahead[2] or "second").lower()
        return f"now+{int(ahead[1]) * 7}d" if unit == "week" else f"now+{ahead[1]}{_LETTER[unit]}"
    if plain.lower() in _NAMED:
        return _NAMED[plain.lower()]
    if plain.lower() == "now" or _ISO.fullmatch(plain):
        return plain
    if (of_day := _OF_DAY.fullmatch(text.strip())) is not None:
        return f"{_hour(text, of_day)}:{of_day[2]}{of_day[3] or ''}"
    if (day := _AMERICAN.fullmatch(plain)) is not None:
        return f"20{day[4]}-{day[1]}-{day[3]}"
    raise ValueError(f"{text!r} is not understood; write #RCQ --begin with now+2h, 22:00 or 2030-12-01T08:00")


def _hour(text: str, of_day: re.Match[str]) -> str:
    hour, half = int(of_day[1]), (of_day[4] or "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"{text!r} is no time of day")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}"


def dependency(text: str) -> list[str]:
    """What a job waits for as `rcq submit --after` takes it."""
    if "?" in text:
        raise ValueError(f"{text!r}: a job waits for all that it names, and `?` wants one of them")
    found: list[str] = []
    for part in text.split(","):
        kind, _, jobs = part.partition(":")
        if kind not in _WHEN:
            raise ValueError(f"{kind!r} is not known here; a job waits for afterok, afternotok or afterany:ID[:ID…]")
        found += [_job(one, _WHEN[kind], text) for one in jobs.split(":")]
    return found


def _job(one: str, when: str, text: str) -> str:
    named = _JOB.fullmatch(one)
    if named is None:
        raise ValueError(f"{text!r} names no jobs to wait for; write afterok:12, afterany:12:13 or afterok:7_3")
    return f"{named[1]}[{named[2]}]:{when}" if named[2] else f"{named[1]}:{when}"
