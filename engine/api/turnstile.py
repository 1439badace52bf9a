"""How many of one kind may be under way at once, in all and for one account. Must not know what they are."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from engine.protocol.errors import Refused

RETRY_S = 5.0
"""Whoever was one too many is told to come back so much later."""


class Turnstile:
    """Counts those who are in."""

    def __init__(self, noun: str) -> None:
        """noun: what they are, in the plural, for people."""
        self._noun = noun
        self._inside: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._inside.total()

    def enter(self, account: str, most_each: int, most: int | None = None) -> None:
        """Count one in. RATE_LIMITED, where it would be one too many."""
        if self._inside[account] >= most_each:
            raise self._full(f"You have {most_each} {self._noun} under way, as many as one account may: end one.")
        if most is not None and len(self) >= most:
            raise self._full(f"{most} {self._noun} are under way, as many as there may be: try again later.")
        self._inside[account] += 1

    def leave(self, account: str) -> None:
        """It is over."""
        self._inside[account] -= 1
        if not self._inside[account]:
            del self._inside[account]

    @contextmanager
    def within(self, account: str, most_each: int, most: int | None = None) -> Iterator[None]:
        """Count one in for as long as this lasts."""
        self.enter(account, most_each, most)
        try:
            yield
        finally:
            self.leave(account)

    def _full(self, message: str) -> Refused:
        detail = {"field": "", "message": "too many at once", "retry_after_s": RETRY_S}
        return Refused("RATE_LIMITED", message, [detail], retry_after_s=RETRY_S)
