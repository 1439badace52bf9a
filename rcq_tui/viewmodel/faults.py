"""Words for why a card is quarantined or cannot be read, by the causes of `engine.core.health`.

Pure. Must not know what draws the words; light enough for the command line.
"""

from rcq_tui.viewmodel.text import clean

FAULTS: dict[str, tuple[str, str]] = {
    "off-bus": ("fell off the bus", "it fell off the bus; reseat it or restart the host"),
    "ecc": ("memory error", "its memory has an error that could not be corrected"),
    "remap-failed": ("memory worn out", "its memory has no spare rows left; have it replaced"),
    "nvlink": ("NVLink fault", "its NVLinks do not work"),
    "firmware": ("firmware fault", "its firmware does not answer; reset it or restart the host"),
    "stuck": ("stuck", "it stopped working on what it was given"),
    "reset-needed": ("needs a reset", "it needs a reset: nvidia-smi --gpu-reset, or restart the host"),
    "lost": ("lost", "the driver has lost it"),
    "driver-hang": ("driver hangs", "the driver did not come back from a question about it"),
    "driver-stall": ("driver stalls", "the driver did not answer for any card"),
    "driver": ("no driver", "its driver was gone: unloaded, restarted or updated"),
    "leak": ("memory leak", "its memory is in use and no process is known to hold it"),
    "missing": ("not read", "it has not been read for too long"),
}
"""Cause: in a few words, and as part of a sentence with what mends it."""

HEALS = frozenset({"lost", "driver-hang", "driver-stall", "driver", "leak"})
"""Causes that may go away by themselves: such a card is tested and comes back without anybody's doing."""


def fault(cause: str) -> str:
    """As part of a sentence; a cause of a newer engine shows as it is."""
    return FAULTS[cause][1] if cause in FAULTS else clean(cause)


def short_fault(cause: str) -> str:
    """In a few words."""
    return FAULTS[cause][0] if cause in FAULTS else clean(cause)
