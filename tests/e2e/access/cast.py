"""Everybody who may ask something of an engine, and the owner's things that they ask it of."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from engine.daemon.access import Standing
from tests.e2e.conftest import PASSWORD, Person

SETTINGS = {
    "[auth]": "group_managers = true\nsessions_per_account = 5",
    "[scheduling]": "reserve_max_h = 1.0\nreserve_gpus = 100\nreserve_ahead_days = 1000.0",
}
"""More lines of groups of an rcq.toml, for what is tried."""
SECRET = {"KEY": "secret"}
SLOT_S = 3 * 3600.0
DENIED = {"UNAUTHENTICATED", "FORBIDDEN", "JOB_NOT_FOUND"}
"""Codes that refuse the person; all others are about what was asked."""

STANDINGS: dict[str, set[Standing]] = {
    "nobody": {Standing.NOBODY},
    "newcomer": {Standing.NEWCOMER},
    "owner": {Standing.OWNER, Standing.OTHER},
    "manager": {Standing.MANAGER, Standing.OTHER},
    "mate": {Standing.OTHER},
    "stranger": {Standing.OTHER},
    "far-manager": {Standing.OTHER},
    "admin": {Standing.ADMIN, Standing.OTHER},
}
"""Each kind of person with what they are to the owner's things. mate: in the owner's group; far-manager: of another."""


@dataclass
class Cast:
    """An engine and its people. bystander: the pid of a process of the owner's Unix user that is on no card."""

    engine: Any
    people: dict[str, Person]
    bystander: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def owner(self) -> Person:
        return self.people["owner"]

    @property
    def admin(self) -> Person:
        return self.people["admin"]

    def fresh(self, word: str = "new") -> str:
        """A name that nobody has."""
        return f"{word}{next(self._numbers)}"

    def job(self, **fields: Any) -> int:
        """One of the owner's that waits for another day."""
        return self.owner.submit("true", environment=SECRET, begin=time.time() + 86_400, name="the-name", **fields)

    def slot(self, hours: float = 0.1) -> dict[str, Any]:
        """A booking in a time that nobody else wants."""
        start = time.time() + 7200 + next(self._numbers) * SLOT_S
        return {"gpus": 1, "start_at": start, "duration_s": int(hours * 3600)}

    def again(self, kind: str) -> Person:
        """The same person in a session of its own."""
        return Person(self.engine.socket) if kind == "nobody" else self.engine.log_in(kind)


def gather(engine: Any, unix_user: str, bystander: int) -> Cast:
    """Make the accounts, with the kinds of people as their names. unix_user: the owner's."""
    admin = engine.admin()
    admin.post("/v1/groups", {"name": "third"})
    people = {"nobody": Person(engine.socket)}
    for name in STANDINGS.keys() - {"nobody"}:
        group = "chem" if name in {"stranger", "far-manager"} else "bio"
        account: dict[str, Any] = {"name": name, "group": group, "password": PASSWORD}
        account |= {"manager": True} if "manager" in name else {}
        account |= {"one_time": True} if name == "newcomer" else {}
        account |= {"unix_user": unix_user} if name == "owner" else {}
        account |= {"role": "admin", "group": "ops"} if name == "admin" else {}
        admin.post("/v1/accounts", account)
        people[name] = engine.log_in(name)
    return Cast(engine, people, bystander)


def is_let_through(answer: Any) -> bool:
    """Whether the person was not refused."""
    assert answer.status_code < 500, answer.text
    return answer.status_code < 400 or answer.json()["error"]["code"] not in DENIED
