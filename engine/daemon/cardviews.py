"""Who is on a card, as one person may see it: jobs' processes and strangers; and what it is linked to.

Must not know how they were told apart. Text of strangers is handed on as data: who shows it makes it harmless.
"""

import os

from engine.api.asks import Identity
from engine.core.model import AccountName, Owner
from engine.daemon.access import Action, may
from engine.daemon.books import Books
from engine.daemon.cards import Card, Cards
from engine.daemon.carduse import Stranger
from engine.daemon.views import Views
from engine.protocol.cards import GpuProcessView
from engine.readings import GpuReading


def process_views(books: Books, views: Views, who: Identity, card: Card) -> list[GpuProcessView]:
    """Everybody on the card when it was read, by pid."""
    found = [_stranger(who, one) for one in card.use.strangers]
    for job, process in card.use.processes:
        live = books.live.get(job)
        known = live is not None and views.sees_all_of(who, live.lease.key.owner)
        found.append(
            GpuProcessView(
                pid=process.pid,
                foreign=False,
                job=int(job) if known else None,
                user=None,
                command=None,
                memory_mb=process.memory_mb,
            )
        )
    return sorted(found, key=lambda view: view.pid)


def _stranger(who: Identity, one: Stranger) -> GpuProcessView:
    owner = Owner(account=AccountName(one.account or ""))
    sees_all = may(who, Action.SEE_COMMANDS, owner)
    return GpuProcessView(
        pid=one.pid,
        foreign=True,
        job=None,
        user=one.user or None,
        command=(one.command if sees_all else program(one.command)) or None,
        memory_mb=one.memory_mb,
    )


def link_ranks(cards: Cards, reading: GpuReading) -> list[int]:
    """How closely a card is linked to the card of each index: higher is closer, 0 where that is not known."""
    ranks = {card.reading.index: reading.links.get(card.reading.uuid, 0) for card in cards.all()}
    return [ranks.get(index, 0) for index in range(max(ranks) + 1)] if reading.links else []


def program(command: str) -> str:
    """The base name of the program alone: arguments and directories may tell what is nobody's business."""
    return os.path.basename(command.split(" ", 1)[0])  # noqa: PTH119 (text, no path of this host's)
