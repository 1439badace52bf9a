"""Is a card fit to work? What a driver tells of it, judged: which Xid means what, and what takes a card out of use.

Xid errors are NVIDIA's numbers for what the driver reports of a card. The classes here follow NVIDIA's public catalogue
(docs.nvidia.com/deploy/xid-errors, "Analyzing Xid Errors with the Xid Catalog") and its GPU debug guidelines: most Xids
are a program's own mistake, a few are the card's. A number that is not listed here is told and nothing more, for an Xid
alone does not make a card bad.

Pure. Must not know who reads the cards, nor what is done with a verdict.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(slots=True, frozen=True, kw_only=True)
class Fault:
    """What a cause of quarantine entails.

    heals: it may go away by itself; else somebody has to mend or reset the card and says so. stops: what runs on the
    card cannot be trusted to come to a good end; else it may finish.
    """

    heals: bool
    stops: bool


CAUSES: dict[str, Fault] = {
    "off-bus": Fault(heals=False, stops=True),
    "ecc": Fault(heals=False, stops=True),
    "remap-failed": Fault(heals=False, stops=True),
    "nvlink": Fault(heals=False, stops=True),
    "firmware": Fault(heals=False, stops=True),
    "stuck": Fault(heals=False, stops=True),
    "reset-needed": Fault(heals=False, stops=False),
    "lost": Fault(heals=True, stops=True),
    "driver-hang": Fault(heals=True, stops=True),
    "driver-stall": Fault(heals=True, stops=False),
    "driver": Fault(heals=True, stops=False),
    "leak": Fault(heals=True, stops=False),
}
"""Every cause of quarantine, the worst first: of several the first counts. `driver` stops nothing: what runs keeps the
driver that it has open, as after an upgrade of its files. Nor does `driver-stall`: that nobody can look for a while
tells nothing of what runs, and there would be no other card to go on with."""


class XidClass(StrEnum):
    """Whose matter an Xid is."""

    APPLICATION = "application"
    CONTAINED = "contained"
    HARDWARE = "hardware"
    UNKNOWN = "unknown"


APPLICATION_XIDS = frozenset({8, 11, 13, 31, 32, 37, 39, 43, 45, 68, 69, 137})
"""A program's own doing, as a rule: faulty instructions and addresses (13, 31), bad command streams (11, 32, 39), its
channel ended (8, 43, 45), video decoding (68), graphics class (69), a peer's address over NVLink (137)."""

CONTAINED_XIDS = frozenset({94})
"""A memory error of the card that was kept to the program that met it: that one is lost, the card works on."""

HARDWARE_XIDS: dict[int, str] = {
    46: "stuck",  # the GPU stopped processing
    48: "ecc",  # double-bit error
    62: "firmware",  # the power management unit halted
    63: "reset-needed",  # a row of memory is to be replaced, or a page retired, at the next reset
    64: "remap-failed",  # and that failed
    74: "nvlink",
    79: "off-bus",
    92: "reset-needed",  # corrected errors at a high rate: its memory wants to be looked at
    95: "ecc",  # uncontained
    109: "stuck",  # a context switch timed out
    119: "firmware",  # the system processor (GSP) does not answer
    120: "firmware",  # it met an error
    136: "nvlink",  # its links cannot be trained
    140: "ecc",  # unrecovered
    143: "firmware",  # the GPU could not be initialized
    149: "nvlink",  # fatal
    154: "reset-needed",  # the driver asks for a reset or a reboot
}
"""The card's own, each with its cause of quarantine."""

_OF_READING = {"lost": "lost", "hang": "driver-hang", "stall": "driver-stall", "driver": "driver"}
"""Why a card cannot be read, as the cause of quarantine that it is."""

_RANK = {cause: rank for rank, cause in enumerate(CAUSES)}


@dataclass(slots=True, frozen=True, kw_only=True)
class Signs:
    """What bears on a card's health, of one reading.

    fault: why it cannot be read (of `FAULTS`). xids: events since the reading before. ecc_uncorrected: errors since the
    driver was loaded. leaking_mb: MiB of nobody, where they have been there for too long, else 0.
    """

    present: bool = True
    fault: str | None = None
    xids: tuple[int, ...] = ()
    ecc_uncorrected: int | None = None
    remap_pending: bool = False
    remap_failed: bool = False
    leaking_mb: int = 0

    @property
    def well(self) -> bool:
        """Whether the card answers and nothing is in its way now; what happened before is not asked."""
        return self.present and self.fault is None and not self.leaking_mb


@dataclass(slots=True, frozen=True, kw_only=True)
class Verdict:
    """The card is to be taken out of use for `cause`, of CAUSES; detail: what was seen, in a few words."""

    cause: str
    detail: str


def xid_class(xid: int) -> XidClass:
    """Whose matter it is."""
    if xid in HARDWARE_XIDS:
        return XidClass.HARDWARE
    if xid in CONTAINED_XIDS:
        return XidClass.CONTAINED
    return XidClass.APPLICATION if xid in APPLICATION_XIDS else XidClass.UNKNOWN


def verdict(before: Signs | None, now: Signs) -> Verdict | None:
    """What a reading means after the one before it (`None`: the first one); `None` if there is nothing new to it.

    Counters and marks that stay count when they rise, so that a card that was put back into use in spite of an old one
    stays there. Of several faults the worst is told.
    """
    found = [
        *_unreadable(now),
        *(Verdict(cause=HARDWARE_XIDS[xid], detail=f"Xid {xid}") for xid in now.xids if xid in HARDWARE_XIDS),
        *_memory(before, now),
    ]
    return min(found, key=lambda one: _RANK[one.cause], default=None)


def worse(cause: str, than: str) -> bool:
    """Whether the first cause is to be told instead of the second, which stands already."""
    return _RANK[cause] < _RANK.get(than, len(_RANK))


def _unreadable(now: Signs) -> list[Verdict]:
    """A card that is only not there is left to whoever waits for it: it may be a driver that starts."""
    if now.fault is None or now.fault not in _OF_READING:
        return []
    return [Verdict(cause=_OF_READING[now.fault], detail="it cannot be read")]


def _memory(before: Signs | None, now: Signs) -> list[Verdict]:
    found = []
    errors = _rise(before, now)
    if errors:
        found.append(Verdict(cause="ecc", detail=f"{errors} uncorrected memory error{'s' * (errors != 1)}"))
    if now.remap_failed and not (before and before.remap_failed):
        found.append(Verdict(cause="remap-failed", detail="no spare rows are left"))
    if now.remap_pending and not (before and before.remap_pending):
        found.append(Verdict(cause="reset-needed", detail="rows wait to be replaced"))
    if now.leaking_mb:
        found.append(Verdict(cause="leak", detail=f"{now.leaking_mb} MiB of nobody"))
    return found


def _rise(before: Signs | None, now: Signs) -> int:
    """New errors; a counter that is met for the first time, or fell (the driver was loaded anew), tells of none."""
    if before is None or before.ecc_uncorrected is None or now.ecc_uncorrected is None:
        return 0
    return max(0, now.ecc_uncorrected - before.ecc_uncorrected)
