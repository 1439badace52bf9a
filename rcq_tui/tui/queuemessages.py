"""What happens around the queue, in the domain's words: what was read of it, and what its commands wish.

Must not know screens or widgets.
"""

from dataclasses import dataclass

from textual.message import Message

from engine.protocol.responses import JobRow
from rcq_tui.tui.messages import Wish
from rcq_tui.viewmodel.looks import Extent


@dataclass
class QueueRead(Message):
    """The queue as far as it is here, in the order in which it is shown. anew: it is another look than before."""

    jobs: list[JobRow]
    extent: Extent
    anew: bool


@dataclass
class QueueRefused(Message):
    """The engine does not understand the search. why: in its words."""

    why: str


class ToggleMark(Wish):
    """Mark the row, or take its mark away."""


class MarkAll(Wish):
    """Mark all rows that are shown, or none."""


class SortBy(Wish):
    """By the order that is said, else by the next."""


class ReverseSort(Wish):
    """The other way round."""


class ToggleFold(Wish):
    """Elements of an array as one row, or each on its own."""


class ChooseColumns(Wish):
    """The columns that are said, else choose them."""


class MoveColumnUp(Wish):
    """The column before its neighbour."""


class MoveColumnDown(Wish):
    """The column behind its neighbour."""


class KeepColumns(Wish):
    """These columns from now on."""


class AskRequeue(Wish):
    """Run the jobs again; ask first where something is destroyed."""


class ReleaseJobs(Wish):
    """Let held jobs go on."""
