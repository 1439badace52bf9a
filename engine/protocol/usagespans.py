"""What was used in a stretch of time, for reports and bills. Must not know how it is counted or printed."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class SpanRow:
    """What the jobs of one account and service used in a group: plain GPU-seconds, kWh of their cards.

    account: `None` for all those together that the caller may not know of; their services are not told apart.
    service: `None` for jobs of none. jobs: that ran in this time, those without cards too.
    """

    group: str
    account: str | None
    service: str | None
    jobs: int
    gpu_s: float
    energy_kwh: float


@dataclass(slots=True, kw_only=True)
class UsageSpan:
    """From `since` on and before `until`, Unix seconds. What runs across an end counts by its time inside."""

    since: float
    until: float
    items: list[SpanRow]
