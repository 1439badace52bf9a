"""What groups and their accounts used on each day. Must not know how it is counted or drawn."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class AccountDays:
    """One account inside a group: plain GPU-seconds and kWh of its cards, one figure for each day of the report."""

    account: str
    gpu_s: list[float]
    energy_kwh: list[float]


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupDays:
    """One group, all of its accounts together. accounts: those that the caller may know of and that used something."""

    group: str
    gpu_s: list[float]
    energy_kwh: list[float]
    accounts: list[AccountDays]


@dataclass(slots=True, frozen=True, kw_only=True)
class UsageDays:
    """Days in UTC, the oldest first, today (up to `now`, Unix seconds) the last: `2026-11-22`.

    What runs across midnight counts on each day by its time there, and its energy likewise.
    """

    now: float
    days: list[str]
    items: list[GroupDays]
