"""Sizes and times as people type them, in the protocol's units. Pure.

Must not know options or fields.
"""

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_MIB = {"k": 1 / 1024, "": 1.0, "m": 1.0, "g": 1024.0, "t": 1024.0 * 1024}
_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2}))?")


def mebibytes(text: str) -> int:
    """MiB of `16G`, `512M`, `1.5T`, `2048` (plain: MiB), rounded up. G, GB and GiB all mean 1024 MiB.

    Raises ValueError saying what may be written.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write for example 512M, 16G or 1.5T")
    exact = float(match[1]) * _MIB[match[2].lower()]
    return int(exact) + (exact > int(exact))


def seconds(text: str) -> int:
    """Seconds of `90s`, `2h30m`, `1d12h`, `45:00` (minutes), `2:30:00`, `1-02:00:00` (days), `30` (plain: seconds).

    Raises ValueError saying what may be written.
    """
    stripped = text.strip()
    if stripped.isdigit():
        return int(stripped)
    parts = _PARTS.fullmatch(stripped)
    if parts is not None and stripped:
        days, hours, minutes, rest = (int(part or 0) for part in parts.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + rest
    clock = _CLOCK.fullmatch(stripped)
    if clock is None:
        raise ValueError(f"{text!r} is no time; write for example 90s, 2h30m, 1-02:00:00 or plain seconds")
    return _clock_seconds(*clock.groups())


def _clock_seconds(days: str | None, first: str, second: str | None, third: str | None) -> int:
    """As Slurm reads them: with days the hours come first; two numbers without days are minutes and seconds."""
    if days is not None:
        hours, minutes, rest = int(first), int(second or 0), int(third or 0)
    elif third is not None:
        hours, minutes, rest = int(first), int(second or 0), int(third)
    else:
        hours, minutes, rest = 0, int(first), int(second or 0)
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + rest


def whole(text: str) -> int:
    """A whole number from 0 up. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def amount(text: str) -> float:
    """A number from 0 up. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is no number from 0 up")
    return value


_DIGITS = 18
"""More are no count of anything."""
