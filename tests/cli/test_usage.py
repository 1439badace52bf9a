"""`rcq usage`: what it asks for and how it shows it."""

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
