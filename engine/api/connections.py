"""Who has how many connections, and which of them is closed when somebody has too many.

A connection without a request under way (idle, half a head, half a body, an answer that is not read) makes room for a
new one of the same Unix user: whoever holds many open locks out neither others nor their own honest clients. Pure
bookkeeping: must not know HTTP or sockets.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol


class Stage(IntEnum):
    """What a connection waits for; the first are given up first."""

    HEAD = 0
    BODY = 1
    READER = 2
    ENGINE = 3


GIVEN_UP_AFTER_S = {Stage.HEAD: 0.25, Stage.BODY: 5.0, Stage.READER: 5.0}
"""Younger ones stay: whoever has just connected is about to speak. Those that wait for the engine are never closed."""

OVERSHOOT = 2
"""So many times its connections a user may have for a moment, while all of them are young."""

HASTE = {Stage.HEAD: 0.005}
"""As above, once there are so many: a flood of new ones is given up as fast as it comes."""


class Closable(Protocol):
    """A connection. uid: of the process at its other end."""

    uid: int

    def give_up(self) -> None:
        """Close it at once."""
        ...


class Connections:
    """The book of open connections; owned by the event loop."""

    def __init__(self, most: int, most_each: int, now: Callable[[], float]) -> None:
        """most, most_each: in all and of one user. now: seconds of a clock that is never set."""
        self._most = most
        self._most_each = most_each
        self._now = now
        self._counts: Counter[int] = Counter()
        self._stages: dict[Closable, Stage] = {}
        self._waiting: dict[tuple[int, Stage], dict[Closable, float]] = {}

    def __len__(self) -> int:
        return len(self._stages)

    def of(self, uid: int) -> int:
        """How many a user has."""
        return self._counts[uid]

    def admit(self, connection: Closable) -> bool:
        """Count a new connection in, closing others for it if need be; false if there is no room for it."""
        uid = connection.uid
        if self._counts[uid] >= self._most_each:
            self._make_room(uid)  # two go for one that comes, so that a user gets back below the bound
            self._make_room(uid)
            if self._counts[uid] >= self._most_each * OVERSHOOT and not self._make_room(uid, HASTE):
                return False
        if len(self._stages) >= self._most and not self._make_room(self._counts.most_common(1)[0][0], HASTE):
            return False
        self._counts[uid] += 1
        self._enter(connection, Stage.HEAD)
        return True

    def stage(self, connection: Closable, stage: Stage) -> None:
        """It waits for something else now."""
        old = self._stages.get(connection)
        if old is not None and old is not stage:
            self._leave(connection, old)
            self._enter(connection, stage)

    def gone(self, connection: Closable) -> None:
        """It is closed."""
        stage = self._stages.pop(connection, None)
        if stage is None:
            return
        self._leave(connection, stage)
        self._counts[connection.uid] -= 1
        if not self._counts[connection.uid]:
            del self._counts[connection.uid]

    def _make_room(self, uid: int, ages: Mapping[Stage, float] = GIVEN_UP_AFTER_S) -> bool:
        for stage, after_s in {**GIVEN_UP_AFTER_S, **ages}.items():
            waiting = self._waiting.get((uid, stage))
            if not waiting:
                continue
            oldest, since = next(iter(waiting.items()))
            if self._now() - since >= after_s:
                self.gone(oldest)
                oldest.give_up()
                return True
        return False

    def _enter(self, connection: Closable, stage: Stage) -> None:
        self._stages[connection] = stage
        if stage in GIVEN_UP_AFTER_S:
            self._waiting.setdefault((connection.uid, stage), {})[connection] = self._now()

    def _leave(self, connection: Closable, stage: Stage) -> None:
        waiting = self._waiting.get((connection.uid, stage))
        if waiting is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._waiting[connection.uid, stage]
