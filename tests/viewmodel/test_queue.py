"""A job as a row: columns fill their width, cells say what is known and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.lifecycle import Cause
from engine.protocol.responses import JobRow
from rcq_tui.viewmodel.queue import ending, fitted, gpus, spent, what, who, why_or_when
from rcq_tui.viewmodel.queuecolumns import KINDS, USUAL, chosen, columns, gap, is_narrow, left_out, unknown
from rcq_tui.viewmodel.text import width

NOW = 1_772_373_900.0

ROW = JobRow(
    id=7, job_id=None, name="train", account="ada", group="vision", service=None, state="pending", cause=None,
    exit_code=None, signal=None, priority=5, gpus=2, gpu_type="a6000", gpu_memory_mb=0, gpu_share=False, cpu_cores=1,
    memory_mb=0, time_limit_s=7200, preemptible=False, command_line="python x.py", submitted_at=NOW - 90,
    started_at=None, ended_at=None, attempt=0, gpu_indices=[],
)  # fmt: skip
BUSY = {"code": "GPUS_BUSY", "wanted": 2, "free": 1, "matching": 4}


def row(**what: object) -> JobRow:
    return replace(ROW, **what)  # type: ignore[arg-type]


@given(st.integers(72, 300))
def test_columns_and_gaps_fill_the_table(total: int) -> None:
    layout = columns(total)
    assert sum(column.cells for column in layout) + gap(total) * (len(layout) - 1) == total
    assert [column.key for column in layout] == ["state", "position", "id", "who", "what", "gpus", "spent", "why"]


@given(st.text(max_size=40), st.sampled_from([78, 98, 138]))
def test_every_cell_has_the_width_of_its_column(name: str, total: int) -> None:
    layout = columns(total)
    for cell, column in zip(
        fitted(row(name=name, account=name), NOW, layout, narrow=is_narrow(total)), layout, strict=True
    ):
        assert width(cell) == column.cells


def test_why_has_room_for_its_short_form_on_a_small_screen() -> None:
    assert next(column.cells for column in columns(78) if column.key == "why") >= 25


def test_redacted_rows_show_the_group_and_nothing_private() -> None:
    hidden = row(redacted=True, account=None, name=None, command_line=None)
    assert (who(hidden), what(hidden)) == ("(vision)", "(private)")


@pytest.mark.parametrize(
    ("given_row", "shown"),
    [
        (row(), "2 a6000"), (row(gpu_type=None), "2"), (row(gpus=0), "-"), (row(gpu_indices=[0, 3]), "2 (0,3)"),
        (row(gpus=1, gpu_share=True, gpu_indices=[1]), "part (1)"),
    ],
)  # fmt: skip
def test_gpus(given_row: JobRow, shown: str) -> None:
    assert gpus(given_row) == shown


def test_a_card_of_the_cluster_has_no_number_that_anybody_knows() -> None:
    there = row(gpu_indices=[4, 5], place="slurm", node="n2")
    assert gpus(there) == "2 a6000"
    assert fitted(there, NOW, columns(138, ("cards",)), narrow=False)[0].strip() == "-"
    assert fitted(replace(there, place=""), NOW, columns(138, ("cards",)), narrow=False)[0].strip() == "4,5"


def test_waited_until_it_starts_then_ran() -> None:
    assert spent(row(), NOW) == 90
    assert spent(row(started_at=NOW - 10), NOW) == 10
    assert spent(row(started_at=NOW - 50, ended_at=NOW - 20), NOW) == 30
    assert spent(row(ended_at=NOW - 60), NOW) == 30


@pytest.mark.parametrize(
    ("given_row", "shown"),
    [
        (row(), "waits for the next pass"),
        (row(reasons=[BUSY]), "needs 2 GPUs, 1 free"),
        (row(reasons=[BUSY], expected_start=NOW + 600), "~14:15 needs 2 GPUs, 1 free"),
        (row(reasons=[BUSY], expected_start=NOW + 59), "in 59s: needs 2 GPUs, 1 free"),
        (row(state="running", started_at=NOW), "ends by 16:05"),
        (row(state="running", started_at=NOW - 7140), "ends within 1m00s"),
        (row(state="scheduled"), "starting"),
        (row(state="held"), "on hold until released"),
        (row(state="completed", cause="exit", exit_code=0), "exit 0"),
        (row(state="failed", cause="exit", exit_code=3), "exit 3"),
        (row(state="failed", cause="signal", signal=9), "killed by SIGKILL"),
        (row(state="failed", cause="signal", signal=99), "killed by signal 99"),
        (row(state="failed", cause="time-limit", signal=15), "hit its time limit of 2h00m"),
        (row(state="failed", cause="gpu-out-of-memory"), "gpu out of memory"),
        (row(state="completed", redacted=True), ""),
    ],
)
def test_why_or_when(given_row: JobRow, shown: str) -> None:
    assert why_or_when(given_row, NOW) == shown


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_words(cause: Cause) -> None:
    assert ending(row(state="failed", cause=cause.value, exit_code=1, signal=9))


def test_an_element_of_an_array_is_shown_with_its_index() -> None:
    element = row(array_parent=7, array_index=3)
    assert what(element) == "train[3]"
    assert what(row(name=None, array_parent=7, array_index=3)) == "python x.py [3]"


def test_a_paused_job_says_so_and_its_limit_moves_on() -> None:
    still = row(state="running", started_at=NOW - 7000, paused_since=NOW - 300)
    cells = fitted(still, NOW, columns(138), narrow=False)
    wide = {column.key: cell.strip() for column, cell in zip(columns(138), cells, strict=True)}
    assert (wide["state"], wide["why"]) == ("▮ paused", "paused for 5m00s")
    on = row(state="running", started_at=NOW - 7000, paused_s=300.0)
    assert why_or_when(on, NOW) == "ends within 8m20s"
    assert fitted(on, NOW, columns(138), narrow=False)[0].strip() == "▶ running"


def test_a_row_that_stands_for_elements_tells_how_many_and_which() -> None:
    assert what(row(array_parent=7, array_index=0, folded=100, elements="0-99")) == "100x train[0-99]"
    assert what(row(array_parent=7, array_index=0, folded=5000, elements="0-999")) == "5,000x train[0-999,…]"
    hidden = row(array_parent=7, folded=3, elements="1-3", redacted=True, name=None, command_line=None)
    assert what(hidden) == "3x (private)[1-3]"


@given(st.integers(40, 300), st.lists(st.sampled_from([kind.key for kind in KINDS]), min_size=1, unique=True))
def test_whatever_is_chosen_fits_and_every_column_tells_something(total: int, keys: list[str]) -> None:
    layout = columns(total, keys)
    assert layout
    assert [column.key for column in layout] == [key for key in keys if key not in left_out(total, keys)]
    assert sum(column.cells for column in layout) + gap(total) * (len(layout) - 1) <= total
    for cell, column in zip(fitted(row(), NOW, layout, narrow=is_narrow(total)), layout, strict=True):
        assert width(cell) == column.cells


def test_on_a_wide_screen_no_column_of_a_dozen_is_left_out() -> None:
    keys = [kind.key for kind in KINDS][:14]
    assert not left_out(218, keys)
    assert left_out(78, keys)


def test_damaged_choices_of_columns_are_the_usual_ones() -> None:
    assert chosen([]) == chosen(["nonsense", 7, None]) == USUAL
    assert chosen(["id", "what", "id", "exit"]) == ("id", "what", "exit")
    assert unknown(["id", "colour"]) == ["colour"]
