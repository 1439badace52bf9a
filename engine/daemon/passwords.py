"""Passwords: hashed and checked with bcrypt in threads, guessing slowed down. Must not know accounts.

A check costs the same whether or not there is such an account, and a name that was guessed wrong too often is locked
for a while whether or not it exists: neither time nor answer tells which names there are.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import bcrypt

from config.settings import AuthSettings
from engine.ports import Clock
from engine.protocol.errors import Refused

MAX_BYTES = 72
"""More bcrypt does not look at."""
REMEMBERED_NAMES = 10_000
AT_ONCE = 2
"""Checks that run at the same time: a flood of log-ins must not take every core."""


@dataclass(slots=True)
class _Failures:
    """Wrong passwords in a row; those after the last lock count anew."""

    count: int = 0
    locked_until: float = 0.0


class Passwords:
    """Hashes, checks, locks out."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobody = bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(settings.bcrypt_rounds))

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Refused (VALIDATION_ERROR) for an empty password or one over 72 bytes."""
        secret = _bytes(password)
        if not secret:
            raise _unfit("must not be empty")
        if len(secret) > MAX_BYTES:
            raise _unfit(f"has {len(secret)} bytes and may have {MAX_BYTES}: choose a shorter one")
        if b"\0" in secret:
            raise _unfit("must not hold NUL characters")
        async with self._turns:
            salt = bcrypt.gensalt(self._settings.bcrypt_rounds)
            return (await asyncio.to_thread(bcrypt.hashpw, secret, salt)).decode()

    async def check(self, name: str, password: str, stored: str | None) -> bool:
        """Whether `password` is the one behind `stored` (`None`: nobody's). Raises Refused (RATE_LIMITED) if locked."""
        failures = self._begin(name)
        secret = _bytes(password)
        fits = 0 < len(secret) <= MAX_BYTES and b"\0" not in secret
        async with self._turns:
            against = stored.encode() if stored else self._nobody
            right = await asyncio.to_thread(bcrypt.checkpw, secret if fits else b"-", against)
        if not (right and fits and stored):
            return False
        failures.count, failures.locked_until = 0, 0.0
        return True

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: who is locked out stays so for as long as before."""
        for failures in self._failures.values():
            failures.locked_until += by_s

    def _begin(self, name: str) -> _Failures:
        """Count the try before it is made, so that many at once do not slip through."""
        now = self._clock.now()
        failures = self._failures.setdefault(name, _Failures())
        self._failures.move_to_end(name)
        while len(self._failures) > REMEMBERED_NAMES:
            self._failures.popitem(last=False)
        if failures.locked_until > now:
            wait_s = failures.locked_until - now
            raise Refused(
                "RATE_LIMITED", f"Too many wrong passwords. Try again in {wait_s:.0f} s.", retry_after_s=wait_s
            )
        failures.count += 1
        if failures.count >= self._settings.lockout_failures:
            failures.count = 0
            failures.locked_until = now + self._settings.lockout_s
        return failures


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _unfit(message: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"The password {message}.", [{"field": "password", "message": message}])
