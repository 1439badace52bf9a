"""The comparison of simulated schedules as figures and as a table."""

from dataclasses import dataclass, fields

import pytest

from engine.core.measures import Measures
from engine.daemon.table import COLUMNS, RATIOS, Row, accuracy, figures, table


def measures(kind=Measures, **known):
    return kind(**{field.name: known.get(field.name, 0) for field in fields(kind)})


ONE = Row(name="one", measures=measures(wait_mean_s=1000.0, wide_wait_max_s=0.0, bsld_mean=2.0, utilization=0.8))
TWO = Row(name="two", measures=measures(wait_mean_s=1500.4, wide_wait_max_s=9.0, bsld_mean=1.0, utilization=0.4))


def test_ratios_are_to_the_one_that_is_named():
    first, second = figures([ONE, TWO], "two")
    assert first["ratios"] == {
        "wait_mean_s": pytest.approx(0.6665), "wide_wait_max_s": 0.0, "bsld_mean": 2.0, "utilization": 2.0,
    }  # fmt: skip
    assert set(second["ratios"].values()) == {1.0}


def test_there_is_no_ratio_to_nothing():
    assert figures([ONE, TWO], "one")[1]["ratios"]["wide_wait_max_s"] is None
    assert table([ONE, TWO], "one")[2].split()[-3:] == ["-", "0.50", "0.50"]


def test_a_line_for_each_policy_and_all_columns_aligned():
    lines = table([ONE, TWO], "one")
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:2] == ["two", "1,500"]
    assert len(lines[1].split()) == 1 + len(COLUMNS) + len(RATIOS)


def test_measures_beyond_the_columns_have_a_table_of_their_own():
    @dataclass(slots=True, frozen=True, kw_only=True)
    class More(Measures):
        promise_error_mean_s: float | None
        promise_early: float | None
        estimate_error_mean_s: float | None

    rows = [
        Row(name="a", measures=measures(More, promise_error_mean_s=1234.5, promise_early=0.25)),
        Row(name="b", measures=measures(More, promise_error_mean_s=None, promise_early=None)),
    ]
    told = [line.split() for line in accuracy(rows)]
    assert told[0] == ["accuracy", "a", "b"]
    assert ["promise_error_mean_s", "1,234", "-"] in told
    assert ["promise_early", "0.250", "-"] in told


def test_every_measure_that_every_policy_has_is_shown_somewhere():
    told = "\n".join(table([ONE, TWO], "one") + accuracy([ONE, TWO]))
    beyond = {field.name for field in fields(Measures)} - {name for name, _ in COLUMNS}
    assert {name for name in beyond if name not in told} <= {"jobs", "wide_jobs", "makespan_s"}
