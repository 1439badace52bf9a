"""Passwords: hashed and checked with bcrypt in threads, guessing slowed down. Must not know accounts.

A check costs the same whether or not there is such an account: neither time nor answer tells which names there are.
bcrypt compares in constant time. Whoever asks is known by the origin, the Unix user of the connection.
"""

import asyncio

import bcrypt

from config.settings import AuthSettings
from engine.daemon.lockouts import Lockouts
from engine.daemon.turns import Turns
from engine.ports import Clock
from engine.protocol.errors import Refused

MAX_BYTES = 72
"""More bcrypt does not look at."""
AT_ONCE = 2
"""Checks that run at the same time: a flood of log-ins must not take every core."""
WAITING = 32
"""Checks that may wait, of one origin: at a quarter of a second each, the last of them waits for four."""


class Passwords:
    """Hashes, checks, locks out."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        self._rounds = settings.bcrypt_rounds
        self._lockouts = Lockouts(settings, clock)
        self._turns = Turns(AT_ONCE, WAITING)
        self._nobody = bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(self._rounds))

    async def hash(self, password: str, origin: int | None = None, *, field: str = "password") -> str:
        """The hash to store. field: what the password is called in the request.

        Raises Refused (VALIDATION_ERROR) for an empty password or one over 72 bytes, RATE_LIMITED as `check` does.
        """
        secret = _bytes(password)
        if not secret:
            raise _unfit(field, "must not be empty")
        if len(secret) > MAX_BYTES:
            raise _unfit(field, f"has {len(secret)} bytes and may have {MAX_BYTES}: choose a shorter one")
        if b"\0" in secret:
            raise _unfit(field, "must not hold NUL characters")
        async with self._turns.one(origin):
            return (await asyncio.to_thread(bcrypt.hashpw, secret, bcrypt.gensalt(self._rounds))).decode()

    async def check(self, name: str, password: str, stored: str | None, origin: int | None = None) -> bool:
        """Whether `password` is the one behind `stored` (`None`: nobody's).

        Raises Refused (RATE_LIMITED) if the name is locked for that origin, or too many of that origin wait already.
        """
        self._lockouts.check(name, origin)  # those who are locked out take no turn
        secret = _bytes(password)
        fits = 0 < len(secret) <= MAX_BYTES and b"\0" not in secret
        async with self._turns.one(origin):
            self._lockouts.begin(name, origin)
            against = stored.encode() if stored else self._nobody
            right = await asyncio.to_thread(bcrypt.checkpw, secret if fits else b"-", against)
        if not (right and fits and stored):
            return False
        self._lockouts.right(name, origin)
        return True

    def is_of_other_rounds(self, stored: str) -> bool:
        """Whether a hash was made at another cost than today's: checking it would take another time than it should."""
        return not stored.startswith(f"$2b${self._rounds:02d}$")

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: who is locked out stays so for as long as before."""
        self._lockouts.clock_set(by_s)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _unfit(field: str, message: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"The password {message}.", [{"field": field, "message": message}])
