"""What a place is looked for, and what is found: cards, or all that stands in the way.

Pure values. This module must not know what is booked.
"""

from dataclasses import dataclass
from typing import NamedTuple

from engine.core.model import AccountName, Shape
from engine.core.reasons import Reason
from engine.core.snapshot import Gpu

NOBODY = AccountName("")
"""Whoever asks and has nothing booked."""


class Want(NamedTuple):
    """What is looked for: a place for `shape` for `run_s` seconds, for a job of `account`."""

    shape: Shape
    run_s: float
    account: AccountName


@dataclass(slots=True, frozen=True)
class Placed:
    """Cards for a job, best set, by index."""

    gpus: tuple[Gpu, ...]


@dataclass(slots=True, frozen=True)
class Refused:
    """No place now; `capped` says that only a cap on a card type stood in the way."""

    reasons: tuple[Reason, ...]
    capped: bool = False


CAPPED = Refused((), capped=True)
