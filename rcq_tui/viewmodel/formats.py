"""Durations, times, memory and counts in the fewest characters that still tell the truth.

Must not know a clock: `now` is an argument; times of day are in the reader's time zone. Light enough for the
command line.
"""

import time

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(seconds: float | None) -> str:
    """`12s`, `3m12s`, `2h05m`, `1d4h`; two units, the rest is cut off. Absent is `-`, negative is `0s`."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def moment(at: float | None, now: float) -> str:
    """A time as people say it: `14:05` today, `Tue 14:05` within six days, else `2026-03-01 14:05`."""
    if at is None:
        return "-"
    local = time.localtime(at)
    if local[:3] == time.localtime(now)[:3]:
        return time.strftime("%H:%M", local)
    if abs(at - now) < 6 * _DAY:
        return time.strftime("%a %H:%M", local)
    return time.strftime("%Y-%m-%d %H:%M", local)


def exact(at: float | None) -> str:
    """A time to the second, with its date."""
    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def until(at: float, now: float) -> str:
    """How far ahead: `in 3m12s`, or `now` when it is due."""
    return "now" if at <= now else f"in {duration(at - now)}"


def memory(mb: float | None) -> str:
    """MiB as `512M`, `3.2G`, `48G`, `1.5T`; absent is `-`."""
    if mb is None:
        return "-"
    if mb < 1024:
        return f"{mb:.0f}M"
    gib = mb / 1024
    if gib < 1023.5:
        return f"{gib:.1f}G" if gib < 9.95 and round(gib, 1) != round(gib) else f"{gib:.0f}G"
    return f"{gib / 1024:.1f}T"


def size(amount: int | None) -> str:
    """Bytes as `0B`, `17B`, `3K`, then as `memory`; what is begun counts whole. Absent is `-`."""
    if amount is None:
        return "-"
    if amount < 1024:
        return f"{amount}B"
    return f"{-(-amount // 1024)}K" if amount <= 1023 * 1024 else memory(amount / (1024 * 1024))


def percent(ratio: float | None) -> str:
    """A ratio of 0 to 1 as whole percent; absent is `-`."""
    return "-" if ratio is None else f"{ratio * 100:.0f}%"


def degrees(celsius: float | None) -> str:
    """`68°C`; absent is `-`."""
    return "-" if celsius is None else f"{celsius:.0f}°C"


def counted(number: float, noun: str) -> str:
    """`1 GPU`, `2 GPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
