"""Failed log-ins in the audit log: the first of its kind at once, more of them as a sum, so that no flood fills a disk.

What was typed as a name is kept only if there is such an account: it may be a password, typed too early. Nobody waits
for what is written here: how long an answer takes must not tell which names there are. Must not know passwords.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from engine.api.asks import Origin
from engine.daemon.answers import BY_PASSWORD, note_done
from engine.ports import Clock
from engine.store.audit import Audit, Entry

TELL_S = 600.0
"""After so long what was only counted is told as a sum."""
WHYS = ("wrong", "disabled", "refused")
"""Why a log-in failed: not the password, nobody's any more, or locked out and too many at once."""
KINDS = 20
"""Kinds of failures that are told apart between two sums; what goes beyond is one sum."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Kind:
    """Failures that are alike. action: `login.failed` or `password.failed`. name: of the account, if there is one.

    uid: the Unix user that they come from. why: `wrong`, `disabled` or `refused` (locked out, or too many at once).
    """

    action: str
    name: str | None
    uid: int | None
    why: str


class FailedLogins:
    """Notes failures. At most `2 × KINDS + 1` entries between two calls of `tell`. counts: all so far, of WHYS."""

    def __init__(self, *, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._more: dict[Kind, int] = {}
        self._others = 0
        self._notes: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def note(self, kind: Kind, origin: Origin | None) -> None:
        """One more failure of that kind."""
        self.counts[kind.why] += 1
        if kind in self._more:
            self._more[kind] += 1
        elif len(self._more) < KINDS:
            self._more[kind] = 0
            self._write(kind, 1, origin.pid if origin else None)
        else:
            self._others += 1

    async def tell(self) -> None:
        """Write down what was only counted, and begin anew."""
        more, others = self._more, self._others
        self._more, self._others = {}, 0
        for kind, times in more.items():
            if times:
                self._write(kind, times, None)
        if others:
            self._write(Kind(action="login.failed", name=None, uid=None, why="many kinds"), others, None)
        await self.settle()

    async def settle(self) -> None:
        """Until everything that was to be noted is."""
        while self._notes:
            await asyncio.wait(self._notes)

    def _write(self, kind: Kind, times: int, pid: int | None) -> None:
        entry = Entry(
            at=self._clock.now(),
            account=None,
            action=kind.action,
            target=kind.name,
            owner=kind.name,
            via=BY_PASSWORD,
            uid=kind.uid,
            pid=pid,
            detail={"why": kind.why, "times": times},
        )
        note = asyncio.get_running_loop().create_task(note_done(self._audit, entry), name="failed log-in")
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)
