"""The columns of the queue: which there are, which are shown at first, and how those that were chosen fit a width.

Pure. Must not know what stands in a column.
"""

from collections.abc import Sequence
from typing import NamedTuple

_NARROW = 104
"""Cells of a table below which columns are as small as they can be: a state is its sign alone."""
_LEAST_FLEXIBLE = 8
"""Cells of a column that takes what is left, before others are left out for it."""


class Column(NamedTuple):
    """One column: its key, its title, its cells, and whether it is aligned to the right."""

    key: str
    title: str
    cells: int
    right: bool = False


class Kind(NamedTuple):
    """A column that may be chosen. narrow: its title and cells where there is little room. tells: what stands in it.

    share: of the room that the others leave, for a column that takes what there is; its cells count nothing.
    """

    key: str
    wide: tuple[str, int]
    narrow: tuple[str, int]
    tells: str
    right: bool = False
    share: int = 0


KINDS: tuple[Kind, ...] = (
    Kind("state", ("state", 11), ("", 1), "its state"),
    Kind("position", ("pos", 5), ("pos", 4), "its place among those that wait; 1 is next", right=True),
    Kind("id", ("id", 7), ("id", 6), "its number", right=True),
    Kind("who", ("who", 12), ("who", 8), "whose it is"),
    Kind("group", ("group", 12), ("group", 8), "the group of its owner"),
    Kind("what", ("what", 0), ("what", 0), "its name, else its command", share=2),
    Kind("service", ("service", 12), ("service", 8), "the service it belongs to"),
    Kind("gpus", ("GPUs (cards)", 14), ("GPUs", 4), "how many cards; with room also which or what type"),
    Kind("cards", ("cards", 10), ("cards", 7), "the indices of its cards"),
    Kind("node", ("node", 10), ("node", 6), "the machine of the cluster that it runs on"),
    Kind("type", ("GPU type", 12), ("type", 8), "the card model it asked for"),
    Kind("memory", ("memory", 7), ("memory", 6), "host memory it asked for", right=True),
    Kind("cores", ("cores", 5), ("cores", 5), "CPU cores it asked for", right=True),
    Kind("spent", ("waited/ran", 10), ("time", 6), "how long it waited, or has run", right=True),
    Kind("limit", ("limit", 7), ("limit", 6), "its time limit", right=True),
    Kind("priority", ("priority", 8), ("prio", 4), "its priority, 1 to 10", right=True),
    Kind("submitted", ("submitted", 16), ("submitted", 10), "when it was submitted"),
    Kind("started", ("started", 16), ("started", 10), "when it started"),
    Kind("ended", ("ended", 16), ("ended", 10), "when it ended"),
    Kind("why", ("why / when", 0), ("why / when", 0), "why it waits and until when, or how it ended", share=3),
    Kind("attempts", ("attempts", 8), ("att", 3), "how often it was started", right=True),
    Kind("array", ("array", 12), ("array", 8), "the array it is an element of, with its index"),
    Kind("exit", ("exit", 16), ("exit", 8), "how it ended"),
)
"""Every column, in the order in which they are offered."""

_KINDS = {kind.key: kind for kind in KINDS}
USUAL = ("state", "position", "id", "who", "what", "gpus", "spent", "why")
"""What is shown until somebody chooses."""
USUAL_IN_CLUSTER = ("state", "position", "id", "who", "what", "gpus", "node", "spent", "why")
"""The same where there is a cluster."""


def chosen(keys: Sequence[object]) -> tuple[str, ...]:
    """Those of the keys that are columns, each once; USUAL where none is."""
    known = [key for key in dict.fromkeys(key for key in keys if isinstance(key, str)) if key in _KINDS]
    return tuple(known) or USUAL


def unknown(keys: Sequence[str]) -> list[str]:
    """Those of the keys that are no columns."""
    return [key for key in keys if key not in _KINDS]


def is_narrow(total: int) -> bool:
    """Whether a table of so many cells has its small columns."""
    return total < _NARROW


def gap(total: int) -> int:
    """Blank cells between columns of a table of so many cells."""
    return 1 if is_narrow(total) else 2


def columns(total: int, keys: Sequence[str] = USUAL) -> tuple[Column, ...]:
    """The columns of a table of so many cells; with the gaps they fill it if one of them takes what is left.

    Those at the end are left out where there is no room for all.
    """
    kinds = [_KINDS[key] for key in keys]
    while len(kinds) > 1 and _left(kinds, total) < _LEAST_FLEXIBLE * sum(kind.share > 0 for kind in kinds):
        kinds.remove(next((kind for kind in reversed(kinds) if not kind.share), kinds[-1]))
    return tuple(_fitted(kinds, total))


def left_out(total: int, keys: Sequence[str]) -> list[str]:
    """Chosen columns for which there is no room."""
    shown = {column.key for column in columns(total, keys)}
    return [key for key in keys if key not in shown]


def _size(kind: Kind, total: int) -> tuple[str, int]:
    return kind.narrow if is_narrow(total) else kind.wide


def _left(kinds: Sequence[Kind], total: int) -> int:
    return total - sum(_size(kind, total)[1] for kind in kinds) - gap(total) * (len(kinds) - 1)


def _fitted(kinds: Sequence[Kind], total: int) -> list[Column]:
    room, shares = max(_LEAST_FLEXIBLE, _left(kinds, total)), sum(kind.share for kind in kinds)
    made = []
    for kind in kinds:
        title, cells = _size(kind, total)
        if kind.share:
            cells = room * kind.share // shares
            room, shares = room - cells, shares - kind.share
        made.append(Column(kind.key, title, cells, kind.right or (kind.key == "gpus" and is_narrow(total))))
    return made
