"""The host in a line: what the engine tells, what is alarming in words, every width filled."""

from dataclasses import replace

import pytest

from engine.protocol.responses import Stats
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.hoststrip import disk_alarm, host_words
from rcq_tui.viewmodel.pieces import Line, cells_of
from rcq_tui.viewmodel.strip import box_words

NOW = 1_700_000_000.0
BARE = Stats(
    version="0.1.0", policy="fair-share", now=NOW, uptime_s=1.0, jobs={}, gpus_total=8, gpus_busy=4, gpus_hot=0,
    cpu_cores_total=64, cpu_cores_busy=21, memory_mb_total=257_000, memory_mb_busy=98_304, passes=1,
    last_pass_at=NOW, last_pass_age_s=0.0, last_pass_s=0.0,
)  # fmt: skip
TOLD = replace(
    BARE, host_cpu=0.43, load1=23.1, host_memory_used_mb=120_000, host_memory_total_mb=257_000,
    disk_free_mb=1_200_000, disk_total_mb=3_600_000,
)  # fmt: skip


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def told(stats: Stats, cells: int = 160) -> str:
    return plain(host_words(stats, History(), cells, NOW))


def test_all_of_it_where_there_is_room_and_the_first_of_it_where_there_is_not() -> None:
    wide = told(TOLD)
    for piece in ("cpu ", "43%", "117G/251G", "1.1T free", "load 23.1"):
        assert piece in wide, piece
    assert "43%" in told(TOLD, 40)
    assert "load" not in told(TOLD, 40)


@pytest.mark.parametrize("stats", [BARE, TOLD, replace(TOLD, disk_free_mb=100, host_memory_used_mb=256_000)])
@pytest.mark.parametrize("cells", [10, 38, 78, 118, 218])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_width_is_filled(stats: Stats, cells: int, ascii_only: bool) -> None:
    line = host_words(stats, History(), cells, NOW, ascii_only=ascii_only)
    assert cells_of(line) == cells
    assert not ascii_only or plain(line).isascii()


def test_an_engine_that_tells_nothing_of_the_host_leaves_a_blank_line() -> None:
    assert told(BARE).strip() == ""


@pytest.mark.parametrize(
    ("free", "total", "alarm"),
    [(1_200_000, 3_600_000, False), (19_000, 3_600_000, True), (30_000, 3_600_000, False), (1000, 4000, True),
     (None, 4000, False), (0, 4000, True)],
)  # fmt: skip
def test_a_disk_that_is_nearly_full_is_said_everywhere(free: int | None, total: int, alarm: bool) -> None:
    stats = replace(TOLD, disk_free_mb=free, disk_total_mb=total)
    assert bool(disk_alarm(stats)) == alarm
    assert ("nearly full" in told(stats)) == alarm
    assert ("disk nearly full" in plain(box_words(stats, 78))) == alarm


def test_memory_that_runs_short_is_said() -> None:
    assert "short" in told(replace(TOLD, host_memory_used_mb=250_000))
    assert "short" not in told(TOLD)
