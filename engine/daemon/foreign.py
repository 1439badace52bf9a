"""What is done about strangers on cards: who is linked to one is told, and by the setting charged for the card.

Looks after each sample, in the event loop. Must not know how a process is told from another, nor how a card is avoided.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from config.settings import GpuSettings
from engine.bookkeeping import Charged
from engine.core.model import AccountName, GpuUuid, GroupName, Owner
from engine.daemon.books import Books
from engine.daemon.cards import Card
from engine.daemon.carduse import Stranger
from engine.daemon.journal import Journal
from engine.daemon.months import by_month
from engine.daemon.notices import Notices
from engine.daemon.register import Register

EVERY_S = 60.0
"""What a stranger uses is charged at most so often: each time costs a commit. An engine that stops forgets the rest."""

Seen = tuple[GpuUuid, int, int]
"""Card, pid and start time: one stranger on one card."""


@dataclass(slots=True, kw_only=True)
class _Account:
    """An open account: charged up to `until` (Unix seconds), gpu_s more are due since."""

    owner: Owner | None
    until: float
    gpu_s: float = 0.0
    since: float = 0.0


class ForeignWatch:
    """Does what `gpu.foreign` says: `warn` tells, `charge` charges besides; `ignore` and `avoid` do neither."""

    def __init__(
        self, *, books: Books, notices: Notices, journal: Journal, register: Register, settings: GpuSettings
    ) -> None:
        self._books = books
        self._notices = notices
        self._journal = journal
        self._register = register
        self._tolerated_mb = settings.tolerated_foreign_mb
        self._tells = settings.foreign in ("warn", "charge")
        self._charges = settings.foreign == "charge"
        self._open: dict[Seen, _Account] = {}

    def look(self, now: float) -> None:
        """After a sample."""
        if not self._tells:
            return
        seen: set[Seen] = set()
        for card in self._books.cards.here():
            if self._books.cards.missing(card, now):
                continue
            too_many = beyond(card, self._tolerated_mb)
            for stranger in too_many:
                one = (card.reading.uuid, stranger.pid, stranger.start)
                seen.add(one)
                self._tell(card, stranger)
                self._run_up(one, stranger, card.reading.uuid, now, len(too_many))
        for one in [one for one in self._open if one not in seen]:
            self._notices.over("FOREIGN_PROCESS", gpu=one[0], pid=one[1])
            self._charge(self._open.pop(one), now)

    def _tell(self, card: Card, stranger: Stranger) -> None:
        self._notices.tell(
            "FOREIGN_PROCESS",
            gpu=card.reading.uuid,
            pid=stranger.pid,
            account=stranger.account,
            index=card.reading.index,
            user=stranger.user,
            memory_mb=stranger.memory_mb,
            charged=self._charges and stranger.account is not None,
        )

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: nobody is charged for that."""
        for account in self._open.values():
            account.since, account.until = account.since + by_s, account.until + by_s

    def _run_up(self, one: Seen, stranger: Stranger, gpu: GpuUuid, now: float, sharers: int) -> None:
        """Add what it used of the card since the last sample; one that is seen for the first time has used nothing."""
        owner = self._owner(stranger.account)
        account = self._open.get(one)
        if account is None:
            self._open[one] = _Account(owner=owner, until=now, since=now)
            return
        if account.owner != owner:  # linked, unlinked or moved meanwhile
            self._charge(account, now)
            account.owner = owner
        if self._charges and owner is not None and not self._pays_already(owner.account, gpu):
            account.gpu_s += (now - account.until) / sharers
        account.until = now
        if now - account.since >= EVERY_S:
            self._charge(account, now)

    def _charge(self, account: _Account, now: float) -> None:
        since, gpu_s, owner = account.since, account.gpu_s, account.owner
        account.since, account.gpu_s = now, 0.0
        if owner is None or gpu_s <= 0.0:
            return
        lasted_s = max(account.until - since, 1e-9)
        months = {month: gpu_s * seconds / lasted_s for month, seconds in by_month(since, account.until)}
        charged = Charged(owner=owner, gpu_seconds=gpu_s, card_s=months, at=now)
        self._books.usage.charge(charged)
        self._journal.add(charged)

    def _owner(self, name: AccountName | None) -> Owner | None:
        account = self._register.accounts.get(name) if name is not None else None
        return None if account is None else Owner(account=AccountName(account.name), group=GroupName(account.group))

    def _pays_already(self, account: AccountName, gpu: GpuUuid) -> bool:
        """Whether the whole card is leased to a job of that account, and charged with it."""
        return any(
            live.lease.key.owner.account == account and not live.lease.key.shape.share
            for live in self._books.users().get(gpu, ())
        )


def beyond(card: Card, tolerated_mb: int) -> list[Stranger]:
    """The strangers that are too many on a card: the largest ones, until the rest is within what is tolerated.

    One whose memory is not told is among them.
    """
    if card.foreign_mb <= tolerated_mb:
        return []
    left = card.foreign_mb
    found: list[Stranger] = []
    for stranger in _largest_first(card.use.strangers):
        if left <= tolerated_mb and stranger.memory_mb is not None:
            break
        found.append(stranger)
        left -= stranger.memory_mb or 0
    return found


def _largest_first(strangers: Iterable[Stranger]) -> list[Stranger]:
    def size(stranger: Stranger) -> tuple[float, int]:
        return (float("-inf") if stranger.memory_mb is None else -stranger.memory_mb, stranger.pid)

    return sorted(strangers, key=size)
