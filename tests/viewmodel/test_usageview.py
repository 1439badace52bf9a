"""Usage on the screen: lines, sentences, days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.people import AccountUsage, GroupUsage, Me, UsageReport
from engine.protocol.usagedays import AccountDays, GroupDays, UsageDays
from rcq_tui.viewmodel.text import width
from rcq_tui.viewmodel.usageplot import Shown, parts, plot
from rcq_tui.viewmodel.usageview import about, usage_lines

ANN = Me(account="ann", group="vision", role="user", via="token")
PLAIN = {
    "usage_gpu_s": 0.0, "quota_gpu_s": 0.0, "fair": 1.0, "month_gpu_s": 0.0, "month_limit_gpu_h": None, "gpus": 0,
    "gpus_limit": None, "since_gpu_s": None,
}  # fmt: skip


def report(**changes):
    ann = AccountUsage(**{
        **PLAIN, "account": "ann", "usage_gpu_s": 3600.0, "quota_gpu_s": 7200.0, "fair": 1.6, "gpus": 3,
        "gpus_limit": 4, "month_gpu_s": 36_000.0, "month_limit_gpu_h": 10.0,
    })  # fmt: skip
    bob = AccountUsage(
        **{**PLAIN, "account": "bob\x1b[31m", "usage_gpu_s": 14_400.0, "quota_gpu_s": 7200.0, "fair": 0.5}
    )
    vision = GroupUsage(**{
        **PLAIN, "group": "vision", "priority": 5, "share": 2.0, "guarantee_gpus": 2, "accounts": [bob, ann],
        "usage_gpu_s": 18_000.0, "quota_gpu_s": 14_400.0, "fair": 0.8, "gpus": 3, "month_gpu_s": 36_000.0,
    })  # fmt: skip
    nlp = GroupUsage(**{**PLAIN, "group": "nlp", "priority": 5, "share": 2.0, "guarantee_gpus": 0, "accounts": []})
    plain = {
        "now": 1e9, "since": None, "month": "2026-11", "policy": "fair-share", "half_life_s": 604_800.0, "shares": 4.0,
        "total_gpu_s": 36_000.0, "core_weight": 0.01, "items": [nlp, vision],
    }  # fmt: skip
    return UsageReport(**{**plain, **changes})


def test_own_group_and_oneself_come_first():
    lines = usage_lines(report(), ANN, 4)
    assert [line.key for line in lines] == [
        ("", ""),
        ("vision", ""),
        ("vision", "ann"),
        ("vision", "bob\x1b[31m"),
        ("nlp", ""),
    ]
    assert [line.cells[0][0] for line in lines] == ["all groups", "vision", "  ★ann", "   bob", "nlp"]
    assert usage_lines(report(), ANN, 4, ascii_only=True)[2].cells[0][0] == "  *ann"


def test_limits_are_bars_and_parts_of_all():
    mine = usage_lines(report(), ANN, 4)[2].cells
    assert mine[1] == ("━━━─ 3 of 4", "ok")
    assert mine[2] == ("━━━━ 10.0 of 10", "bad")
    assert [text for text, _ in mine[3:6]] == ["20%", "10%", "1.60"]
    assert usage_lines(report(total_gpu_s=0.0), ANN, 4)[2].cells[3][0] == "-"


def test_the_sentence_says_why():
    why, held = about(report(), ("vision", "ann"))
    assert (
        why
        == "ann used 10% of what counts, and 20% is its due: its jobs score times 1.60, they go before those of others."
    )
    assert held == "It holds 3 of at most 4 GPUs, and ran 10.0 of 10 GPU-hours this month."
    group = about(report(), ("vision", ""))
    assert "go behind those of others" in group[0] and "2 are its own whenever it wants them" in group[1]
    assert "the policy aging does not ask for shares" in about(report(policy="aging"), ("vision", "ann"))[0]
    assert "nobody goes before anybody" in about(report(total_gpu_s=0.0), ("vision", "ann"))[0]
    assert about(report(), ("gone", ""))[0].startswith("10.0 GPU-hours count now")
    assert "\x1b" not in "".join(about(report(), ("vision", "bob\x1b[31m")))


def days(count=3, **more):
    def gpu_s(each):
        return [each * 3600.0] * count

    ann = AccountDays(account="ann", gpu_s=gpu_s(1), energy_kwh=[0.25] * count)
    groups = {"nlp": 4, "vision": 3, "a": 2, "b": 1, "c": 0.5, **more}
    return UsageDays(
        now=1e9,
        days=[f"2026-11-{at + 1:02d}" for at in range(count)],
        items=[
            GroupDays(
                group=name,
                gpu_s=gpu_s(each),
                energy_kwh=[each / 4] * count,
                accounts=[ann] if name == "vision" else [],
            )
            for name, each in groups.items()
        ],
    )  # fmt: skip


def test_own_ones_first_and_those_who_do_not_fit_are_one():
    found = parts(days(), Shown(), ANN)
    assert [(part.name, part.values[0]) for part in found] == [("vision", 3), ("nlp", 4), ("a", 2), ("2 others", 1.5)]
    inside = parts(days(), Shown(key=("vision", "")), ANN)
    assert [(part.name, part.values[0]) for part in inside] == [("ann", 1), ("others", 2)]
    assert [part.name for part in parts(days(), Shown(key=("vision", "ann")), ANN)] == ["ann"]
    assert parts(days(), Shown(key=("gone", "")), ANN) == []


def flat(lines):
    return ["".join(text for text, _ in line) for line in lines]


def test_a_plot():
    drawn = flat(plot(days(), Shown(ascii_only=True), ANN, 40, 9))
    assert drawn == [
        "GPU-hours a day of all groups, 3 days: …",
        " 12|::::::: ::::::: :::::::             ",
        "   |+++++++ +++++++ +++++++             ",
        "   |======= ======= =======             ",
        "6.0|======= ======= =======             ",
        "   |####### ####### #######             ",
        "  0|####### ####### #######             ",
        "    11-01   11-02   today",
        "## vision   == nlp   ++ a   :: 2 others…",
    ]
    assert flat(plot(days(), Shown(energy=True), ANN, 60, 9))[0] == "kWh a day of all groups, 3 days: 7.88, today 2.62"


@pytest.mark.parametrize("key", [("", ""), ("vision", ""), ("vision", "ann"), ("gone", "")])
@given(count=st.integers(0, 90), cells=st.integers(30, 220), rows=st.integers(5, 40), ascii_only=st.booleans())
def test_a_plot_has_its_size(key, count, cells, rows, ascii_only):
    drawn = flat(plot(days(count), Shown(key=key, ascii_only=ascii_only), ANN, cells, rows))
    assert len(drawn) in {2, rows}
    assert all(width(line) <= cells for line in drawn)
    assert not ascii_only or all(line.isascii() for line in drawn if "…" not in line)
