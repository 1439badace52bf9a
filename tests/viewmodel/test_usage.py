"""Usage as rows and as words."""

from typing import Any

from rcq_tui.viewmodel.usage import rows, sources, titles

ROW = {
    "usage_gpu_s": 44_280.0,
    "quota_gpu_s": 806_400.0,
    "fair": 1.8211,
    "month_gpu_s": 18_000.0,
    "month_limit_gpu_h": None,
    "gpus": 3,
    "gpus_limit": 4,
    "since_gpu_s": None,
    "month_energy_kwh": 1.5,
    "since_energy_kwh": None,
}


def report(**changes: Any) -> dict[str, Any]:
    ann = {**ROW, "account": "ann\x1b[31m", "gpus_limit": None, "month_limit_gpu_h": 12.5}
    vision = {
        **ROW, "group": "vision", "priority": 5, "share": 2.0, "guarantee_gpus": 2,
        "accounts": [ann],
    }  # fmt: skip
    plain = {
        "now": 1e9, "since": None, "month": "2026-11", "policy": "fair-share", "half_life_s": 604_800.0, "shares": 5.0,
        "total_gpu_s": 72_000.0, "core_weight": 0.01, "items": [vision],
    }  # fmt: skip
    return {**plain, **changes}


def test_a_group_and_its_accounts_under_it() -> None:
    group, account = rows(report())
    assert group == ["vision", "2", "224.0", "12.3", "1.82", "5.0", "1.50", "3 of 4", "2"]
    assert account[0].startswith("  ann")
    assert "\x1b" not in account[0]
    assert account[1:] == ["", "224.0", "12.3", "1.82", "5.0 of 12.5", "1.50", "3", ""]


def test_every_column_has_its_source() -> None:
    plain, asked = report(), report(since=1e9)
    asked["items"][0]["since_gpu_s"] = asked["items"][0]["accounts"][0]["since_gpu_s"] = 3600.0
    for one in (plain, asked):
        assert [name for name, _ in sources(one)] == list(titles(one))[1:]
        assert {len(cells) for cells in rows(one)} == {len(titles(one))}
    assert [cells[-2:] for cells in rows(asked)] == [["1.0", "0.000"], ["1.0", "0.000"]]


def test_the_words_hold_the_numbers_that_they_rest_on() -> None:
    words = dict(sources(report(half_life_s=43_200.0)))
    assert "all groups together have 5" in words["SHARE"]
    assert "share of the 20.0 that all groups used" in words["QUOTA"]
    assert "halved every 0.5 days" in words["USAGE"]
    assert "2026-11 (UTC)" in words["MONTH"]
    assert "does not ask for it" not in words["FAIR"]
    assert "policy aging does not ask for it" in dict(sources(report(policy="aging")))["FAIR"]
