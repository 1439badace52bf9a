"""Guessing slowed down: wrong passwords lock a name, for whoever guessed and longer each time.

A lock is of a name *and* of the Unix user that the tries come from, so that nobody can lock out another by guessing at
their name. Beside it each name takes only so many wrong tries from all origins together; that bound is above what one
origin can reach, and those who came in from their origin before are outside it. A name is treated alike whether or not
there is such an account. Must not know passwords.
"""

import logging
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from config.settings import AuthSettings
from engine.ports import Clock
from engine.protocol.errors import Refused

log = logging.getLogger(__name__)

REMEMBERED = 10_000
"""Names, and pairs of a name and an origin; the longest unused are forgotten first."""

Pair = tuple[str, int | None]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Tries:
    """Of one name from one origin. count: wrong in a row since the last lock; locks: in a row. Times: Unix seconds."""

    count: int = 0
    locks: int = 0
    locked_until: float = 0.0
    last_at: float = 0.0


@dataclass(slots=True)
class _Bucket:
    """Wrong tries at one name that still count, as of then: they fade evenly."""

    level: float = 0.0
    at: float = 0.0


@dataclass(slots=True, frozen=True)
class _Bound:
    """Of the tries at one name. capacity: tries; leak: tries that fade in a second."""

    capacity: float
    leak: float

    @classmethod
    def of(cls, settings: AuthSettings) -> "_Bound":
        """Just above what one origin can reach: it gets `failures` tries for each lock.

        The locks grow to the longest in `steps`. Whoever lets quiet time pass in between begins anew, and gets at most
        `steps` times `failures` tries in the time of the longest lock.
        """
        steps = math.ceil(math.log2(settings.lockout_max_s / settings.lockout_s)) + 1
        return cls(
            capacity=settings.lockout_failures * (steps + 1),
            leak=settings.lockout_failures * steps / settings.lockout_max_s,
        )


class Lockouts:
    """Who has to wait until the next try."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._bound = _Bound.of(settings)
        self._tries: OrderedDict[Pair, _Tries] = OrderedDict()
        self._names: OrderedDict[str, _Bucket] = OrderedDict()
        self._known: OrderedDict[Pair, None] = OrderedDict()

    def check(self, name: str, origin: int | None) -> None:
        """Raises Refused (RATE_LIMITED) while that name is locked for that origin."""
        now = self._clock.now()
        until = self._tries[name, origin].locked_until if (name, origin) in self._tries else 0.0
        if until <= now and (name, origin) not in self._known and (bucket := self._faded(name)) is not None:
            until = now + max(0.0, bucket.level + 1 - self._bound.capacity) / self._bound.leak
        if until > now:
            wait_s = until - now
            told = f"Too many wrong passwords. Try again in {math.ceil(wait_s)} s."
            raise Refused("RATE_LIMITED", told, retry_after_s=wait_s)

    def begin(self, name: str, origin: int | None) -> None:
        """Count a try before it is made, so that many at once do not slip through. Raises as `check` does."""
        self.check(name, origin)
        now = self._clock.now()
        tries = _latest(self._tries, (name, origin), _Tries)
        if now - max(tries.last_at, tries.locked_until) >= self._settings.lockout_max_s:
            tries.count = tries.locks = 0
        tries.count += 1
        tries.last_at = now
        if tries.count >= self._settings.lockout_failures:
            self._lock(name, origin, tries)
        bucket = self._faded(name) or _latest(self._names, name, lambda: _Bucket(at=now))
        bucket.level += (name, origin) not in self._known

    def right(self, name: str, origin: int | None) -> None:
        """The try that was begun was right: it and those before it are forgiven."""
        self._tries.pop((name, origin), None)
        bucket = self._names.get(name)
        if bucket is not None and (name, origin) not in self._known:
            bucket.level = max(0.0, bucket.level - 1)
        _latest(self._known, (name, origin), lambda: None)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: who is locked out stays so for as long as before."""
        for tries in self._tries.values():
            tries.locked_until += by_s
            tries.last_at += by_s
        for bucket in self._names.values():
            bucket.at += by_s

    def _lock(self, name: str, origin: int | None, tries: _Tries) -> None:
        lasts_s = min(self._settings.lockout_s * 2.0**tries.locks, self._settings.lockout_max_s)
        tries.count = 0
        tries.locks = min(tries.locks + 1, 64)  # the longest was reached long before; a power of two has an end
        tries.locked_until = self._clock.now() + lasts_s
        log.warning(
            "%d wrong passwords in a row for %r from Unix user %s", self._settings.lockout_failures, name, origin
        )

    def _faded(self, name: str) -> _Bucket | None:
        bucket = self._names.get(name)
        if bucket is not None:
            now = self._clock.now()
            bucket.level = max(0.0, bucket.level - (now - bucket.at) * self._bound.leak)
            bucket.at = now
        return bucket


def _latest(of: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    """What is remembered under that key, or made anew; the longest unused beyond what is remembered goes."""
    found = of.setdefault(key, make())
    of.move_to_end(key)
    while len(of) > REMEMBERED:
        of.popitem(last=False)
    return found
