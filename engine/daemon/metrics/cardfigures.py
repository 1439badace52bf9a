"""Figures of each card, as it was last read. What a card that is missing showed before is not told as of now.

Must not know HTTP, nor how a card is read.
"""

from engine.daemon.books import Books
from engine.daemon.cards import Card
from engine.daemon.metrics.boxfigures import MIB, in_bytes
from engine.daemon.metrics.counts import Counts
from engine.daemon.metrics.page import Page
from engine.readings import THROTTLES, GpuReading

STATES = ("ok", "hot", "drained", "quarantined", "missing")
MHZ = 1_000_000


def tell(page: Page, books: Books, counts: Counts, now: float) -> None:
    """All of them; Xids also of cards that are gone."""
    users = books.users()
    for card in books.cards.all():
        reading = card.reading
        uuid = reading.uuid
        known = (str(reading.index), reading.model, reading.pci or "", reading.parent or "")
        page.put("rcq_gpu_info", 1, uuid, *known)
        state = books.cards.state(card, now)
        for name in STATES:
            page.put("rcq_gpu_state", name == state, uuid, name)
        page.put("rcq_gpu_jobs", len(users.get(uuid, ())), uuid)
        page.put("rcq_gpu_memory_bytes", in_bytes(reading.memory_mb or None), uuid)
        page.put("rcq_gpu_reading_timestamp_seconds", reading.read_at, uuid)
        if not books.cards.missing(card, now):
            _now(page, card)
    for (uuid, xid), times in counts.xids.items():
        page.put("rcq_gpu_xids_total", times, uuid, str(xid))


def _now(page: Page, card: Card) -> None:
    reading = card.reading
    uuid = reading.uuid
    page.put("rcq_gpu_utilization_ratio", reading.utilization, uuid)
    page.put("rcq_gpu_temperature_celsius", reading.temperature_c, uuid)
    page.put("rcq_gpu_memory_used_bytes", in_bytes(reading.memory_used_mb), uuid)
    page.put("rcq_gpu_memory_foreign_bytes", None if reading.node else card.foreign_mb * MIB, uuid)
    page.put("rcq_gpu_power_watts", reading.power_w, uuid)
    page.put("rcq_gpu_power_limit_watts", reading.power_limit_w, uuid)
    page.put("rcq_gpu_energy_joules_total", reading.energy_j, uuid)
    page.put("rcq_gpu_sm_clock_hertz", _hertz(reading.sm_clock_mhz), uuid)
    page.put("rcq_gpu_memory_clock_hertz", _hertz(reading.memory_clock_mhz), uuid)
    for reason in THROTTLES:
        page.put("rcq_gpu_throttled", reason in reading.throttle, uuid, reason)
    _errors(page, reading)


def _errors(page: Page, reading: GpuReading) -> None:
    page.put("rcq_gpu_ecc_errors_total", reading.ecc_corrected, reading.uuid, "corrected")
    page.put("rcq_gpu_ecc_errors_total", reading.ecc_uncorrected, reading.uuid, "uncorrected")


def _hertz(megahertz: int | None) -> int | None:
    return None if megahertz is None else megahertz * MHZ
