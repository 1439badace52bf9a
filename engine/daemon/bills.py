"""The bills of the attempts under way: charged when they start, further as they outrun that, corrected at their end.

Owned by the event loop. Each step changes usage in memory and says what to write down. Must not know why a job
starts or ends, nor how anything is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.bookkeeping import Bill, Billed, Charged
from engine.core.model import JobId
from engine.core.policy import Policy
from engine.core.snapshot import Gpu
from engine.daemon.billing import added, bill_of, difference, first_charge, taken_back
from engine.daemon.books import Books, Live
from engine.daemon.journal import Journal
from engine.daemon.months import month_of
from engine.ports import Clock
from engine.store.usage import Usage

MONTH_S = 31 * 86_400.0
EVERY_S = 60.0
"""An attempt that outruns its bill is charged further at most so often: each time costs a commit."""


class Bills:
    """Keeps `Live.bill` of every attempt that holds a lease, and what follows from it in usage."""

    def __init__(self, *, books: Books, journal: Journal, policy: Policy, clock: Clock) -> None:
        self._books = books
        self._journal = journal
        self._policy = policy
        self._clock = clock
        self._known: Mapping[tuple[JobId, int], Bill] = {}

    async def load(self, store: Usage) -> None:
        """At start: usage, this month and the one before, and the bills of attempts that were left under way."""
        groups, accounts = await store.all(), await store.accounts()
        self._books.usage.load(
            ((group, used.gpu_seconds, used.as_of) for group, used in groups.items()),
            ((owner, used.gpu_seconds, used.as_of) for owner, used in accounts.items()),
            await store.months(month_of(self._clock.now() - MONTH_S)),
        )
        self._known = await store.open_bills()

    def adopt(self, live: Live) -> None:
        """Find the bill of an attempt that an earlier engine started; it has been charged."""
        known = self._known.get((live.job, live.attempt))
        live.bill = known or bill_of(live.lease, self._books.cards.gpus(self._clock.now()), self._policy)

    def open(self, live: Live, gpus: Iterable[Gpu], now: float) -> tuple[Billed, Charged]:
        """Charge a start for its expected run; the changes go with the start into one commit."""
        live.bill = bill_of(live.lease, gpus, self._policy)
        charged = first_charge(live.lease.key, live.bill, now)
        self._books.usage.charge(charged)
        return self._billed(live, live.bill), charged

    def drop(self, charged: Iterable[Charged]) -> None:
        """Undo charges whose commit failed."""
        for one in charged:
            self._books.usage.charge(taken_back(one))

    def catch_up(self) -> None:
        """Charge what attempts ran beyond their bill, once that is a minute or more."""
        now = self._clock.now()
        for live in self._books.live.values():
            if live.bill is not None and not live.waits and now - live.bill.until >= EVERY_S:
                self._change(live, live.bill, now)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: nobody is charged for that, nor given anything back."""
        for live in self._books.live.values():
            self.move(live, by_s)

    def move(self, live: Live, by_s: float) -> None:
        """The attempt is billed for as long as before, from so many seconds later on."""
        if live.bill is not None:
            live.bill = replace(live.bill, since=live.bill.since + by_s, until=live.bill.until + by_s)
            self._journal.add(self._billed(live, live.bill))

    def began(self, live: Live) -> None:
        """A cluster runs it only now, maybe on other cards: it is charged for its run as it is expected from here on.

        What it was charged when it was released is given back, as far as that has not faded since.
        """
        if (before := live.bill) is None:
            return
        now, key = self._clock.now(), live.lease.key
        live.bill = bill_of(live.lease, self._books.cards.gpus(now), self._policy)
        back = taken_back(first_charge(key, before, now))
        back = replace(back, gpu_seconds=self._books.usage.left(back.gpu_seconds, now - before.since))
        charged = added(back, first_charge(key, live.bill, now))
        self._books.usage.charge(charged)
        self._journal.add(self._billed(live, live.bill), charged)

    def settle(self, live: Live, ran_s: float) -> None:
        """The attempt is over after `ran_s` seconds: charge the rest, or give back what it did not run."""
        if live.bill is not None:
            self._change(live, live.bill, live.bill.since + ran_s)

    def _change(self, live: Live, before: Bill, until: float) -> None:
        now = self._clock.now()
        live.bill = replace(before, until=until)
        charged = difference(live.lease.key, before, live.bill, now)
        if charged.gpu_seconds < 0:  # it was charged at the start and has faded since
            faded = self._books.usage.left(charged.gpu_seconds, now - before.since)
            charged = replace(charged, gpu_seconds=faded)
        self._books.usage.charge(charged)
        self._journal.add(self._billed(live, live.bill), charged)

    @staticmethod
    def _billed(live: Live, bill: Bill) -> Billed:
        return Billed(job=live.job, attempt=live.attempt, owner=live.lease.key.owner, bill=bill)
