"""`rcq usage`: what it asks for and how it shows it."""

import csv
import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result

Rcq = Callable[..., Result]


def row(**changes: Any) -> dict[str, Any]:
    plain = {
        "usage_gpu_s": 3600.0, "quota_gpu_s": 7200.0, "fair": 2.0, "month_gpu_s": 7200.0, "month_limit_gpu_h": None,
        "month_energy_kwh": 4.25,
        "gpus": 1, "gpus_limit": None, "since_gpu_s": None,
    }  # fmt: skip
    return {**plain, **changes}


def report(since: float | None = None) -> dict[str, Any]:
    ann = row(account="ann", since_gpu_s=since and 1800.0)
    vision = row(group="vision", priority=5, share=1.0, guarantee_gpus=0, accounts=[ann])
    vision["since_gpu_s"] = since and 1800.0
    return {
        "now": 1e9, "since": since, "month": "2026-11", "policy": "fair-share", "half_life_s": 604_800.0, "shares": 1.0,
        "total_gpu_s": 3600.0, "core_weight": 0.01, "items": [vision],
    }  # fmt: skip


def test_the_table_and_where_its_numbers_come_from(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/usage", report())
    lines = rcq("usage").out.splitlines()
    assert lines[:4] == [
        "NAME    SHARE  QUOTA  USAGE  FAIR  MONTH   KWH  GPUS  GUARANTEED",
        "vision      1    2.0    1.0  2.00    2.0  4.25     1           0",
        "  ann            2.0    1.0  2.00    2.0  4.25     1",
        "",
    ]
    assert [line.split()[0] for line in lines[4:]] == lines[0].split()[1:]
    assert json.loads(rcq("usage", "--json").out) == report()


@pytest.mark.parametrize(("text", "ago_s"), [("7d", 604_800), ("12h", 43_200), ("90", 90)])
def test_since_so_long_ago(rcq: Rcq, engine: Engine, text: str, ago_s: int) -> None:
    engine.on("GET", "/v1/usage", report(since=1e9))
    before = time.time()
    shown = rcq("usage", "--group", "a b", "--since", text)
    assert shown.out.splitlines()[0].endswith("SINCE  SINCE KWH")
    query = engine.requests[-1].query
    assert query["group"] == "a b"
    assert before - ago_s <= float(query["since"]) <= time.time() - ago_s


def test_since_a_date(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/usage", report(since=1e9))
    rcq("usage", "--since", "2026-01-02T03:04:05+01:00")
    assert engine.requests[-1].query == {"since": "1767319445.0"}


@pytest.mark.parametrize("text", ["soon", "+2h", "9999-01-01", ""])
def test_what_is_no_time_that_is_over(rcq: Rcq, engine: Engine, text: str) -> None:
    assert rcq("usage", "--since", text).code == 2
    assert engine.requests == []


SPAN = {
    "since": 1_790_812_800.0, "until": 1_793_491_200.0,
    "items": [
        {"group": "vision", "account": "ann", "service": None, "jobs": 3, "gpu_s": 5400.0, "energy_kwh": 1.25},
        {"group": "vision", "account": "=cmd()", "service": "fold", "jobs": 1, "gpu_s": 1.0, "energy_kwh": 0.0},
        {"group": "vision", "account": None, "service": None, "jobs": 2, "gpu_s": 3600.0, "energy_kwh": 0.5},
    ],
}  # fmt: skip
OCTOBER = ("--month", "2026-10")


@pytest.fixture(autouse=True)
def _late_in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_795_392_000.0)


def test_a_month_is_asked_for_by_its_ends_in_utc(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    engine.on("GET", "/v1/usage/span", SPAN)
    rcq("usage", *OCTOBER, "--group", "vision")
    assert engine.requests[-1].query == {"group": "vision", "since": "1790812800.0", "until": "1793491200.0"}
    rcq("usage", "--month", "2025-12")
    assert engine.requests[-1].query == {"since": "1764547200.0", "until": "1767225600.0"}
    rcq("usage", "--month", "2026-11")
    assert engine.requests[-1].query == {"since": "1793491200.0"}, "a month that goes on is told up to now"
    rcq("usage", "--csv")
    assert engine.requests[-1].query == {"since": "1793491200.0"}
    rcq("usage", "--since", "7d", "--until", "1d")
    assert engine.requests[-1].query == {"since": "1794787200.0", "until": "1795305600.0"}


def test_a_month_as_a_table_has_a_total(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/usage/span", SPAN)
    assert rcq("usage", *OCTOBER).out.splitlines() == [
        "GROUP   ACCOUNT   SERVICE  JOBS  GPU-HOURS   KWH",
        "vision  ann       -           3        1.5  1.25",
        "vision  =cmd()    fold        1        0.0  0.00",
        "vision  (others)  -           2        1.0  0.50",
        "all                           6        2.5  1.75",
        "",
        "from 2026-10-01 00:00 to 2026-11-01 00:00 UTC; what runs across an end counts by its time inside",
    ]
    assert json.loads(rcq("usage", *OCTOBER, "--json").out) == SPAN


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati"])
def test_a_month_as_csv_adds_up_in_a_spreadsheet(
    rcq: Rcq, engine: Engine, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    engine.on("GET", "/v1/usage/span", SPAN)
    shown = rcq("usage", *OCTOBER, "--csv").out
    assert shown.splitlines()[:2] == [
        "since,until,group,account,service,jobs,gpu_hours,energy_kwh",
        "2026-10-01T00:00:00+00:00,2026-11-01T00:00:00+00:00,vision,ann,,3,1.5,1.25",
    ]
    rows = list(csv.DictReader(io.StringIO(shown)))
    assert [row["account"] for row in rows] == ["ann", "'=cmd()", ""]
    for column, told in (("jobs", "jobs"), ("gpu_hours", "gpu_s"), ("energy_kwh", "energy_kwh")):
        unit = 3600.0 if told == "gpu_s" else 1.0
        whole = sum(item[told] for item in SPAN["items"]) / unit
        assert sum(float(row[column]) for row in rows) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize(
    "line", [("--month", "October"), ("--month", "2026-13"), ("--month", "2027-01"), (*OCTOBER, "--since", "7d"),
             ("--until", "1d"), ("--csv", "--json")],
)  # fmt: skip
def test_a_time_that_is_none_is_refused(rcq: Rcq, engine: Engine, line: tuple[str, ...]) -> None:
    shown = rcq("usage", *line)
    assert (shown.code, shown.out, engine.requests) == (2, "", [])
