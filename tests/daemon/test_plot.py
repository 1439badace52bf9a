"""The picture of a simulation: curves of the right numbers, and SVG that a reader takes."""

import xml.etree.ElementTree as ET

import pytest

from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.trace import Ran, TraceJob
from engine.daemon.curves import PARTS, busy_over_time, waited_at_most
from engine.daemon.plot import DARK, LIGHT, picture
from engine.daemon.simulate import main
from engine.daemon.trace import CARD_MEMORY_MB
from tests.daemon.traces import job, write_csv

SVG = "{http://www.w3.org/2000/svg}"


def ran(name, submit_s, start_s, end_s, **shape):
    key = GroupKey(
        owner=Owner(account=AccountName("a"), group=GroupName("g")),
        service=None,
        priority=5,
        preemptible=False,
        shape=Shape(**shape),
    )
    of = TraceJob(job=JobId(name), key=key, submit_s=submit_s, runtime_s=end_s - start_s)
    return Ran(job=of, start_s=start_s, end_s=end_s, gpus=())


def test_half_the_cards_for_half_the_time_then_a_quarter_of_one():
    whole = ran("a", 0, 0, 80, gpus=2)
    part = ran("b", 0, 80, 160, gpus=1, share=True, gpu_memory_mb=CARD_MEMORY_MB // 4)
    curve = busy_over_time([whole, part], 4, 160)
    assert len(curve) == PARTS
    assert [busy for _, busy in curve] == pytest.approx([0.5] * 80 + [0.0625] * 80)


def test_time_within_a_span_is_weighed():
    curve = busy_over_time([ran("a", 0, 0.25, 0.5, gpus=1)], 1, PARTS)
    assert curve == [(0.5, pytest.approx(0.25))]


def test_the_part_of_jobs_that_waited_no_longer():
    schedule = [ran(str(wait), 0, wait, wait + 1, gpus=1) for wait in (30, 0, 10, 20)]
    assert waited_at_most(schedule) == [(0, 0.25), (10, 0.5), (20, 0.75), (30, 1.0)]


def test_a_long_schedule_keeps_its_shortest_and_longest_wait():
    schedule = [ran(str(wait), 0, wait, wait + 1, gpus=1) for wait in range(10_000)]
    curve = waited_at_most(schedule)
    assert len(curve) == 240
    assert curve[-1] == (9999, 1.0)


def test_every_policy_has_two_curves_and_a_name_in_the_legend():
    names = ["fair-share", "a < b & c", *(f"p{at}" for at in range(7))]
    drawn = ET.fromstring(picture("t<1>", [(name, [ran("a", 0, 5, 9, gpus=1)]) for name in names], 2))  # noqa: S314
    assert len(drawn.findall(f"{SVG}polyline")) == 2 * len(names)
    words = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"t<1>", *names, "wait (logarithmic)", "time since the first submission, seconds"} <= set(words)
    style = drawn.find(f"{SVG}style").text
    assert "prefers-color-scheme: dark" in style
    assert all(colour in style for colour in (*LIGHT, *DARK))


def test_every_point_is_inside_the_picture():
    schedule = [ran(str(wait), 0, wait, wait + 3600, gpus=1) for wait in (0, 1, 90, 86_400, 9_000_000)]
    drawn = ET.fromstring(picture("t", [("p", schedule)], 1))  # noqa: S314
    _, _, width, height = map(float, drawn.get("viewBox").split())
    for line in drawn.findall(f"{SVG}polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width and 0 <= y <= height


def test_the_command_draws_it(tmp_path):
    trace = write_csv(tmp_path / "t.csv", job("a", 0, 100), job("b", 10, 50))
    out = tmp_path / "out.svg"
    assert main([str(trace), "--policy", "fcfs,greedy", "--plot", str(out)]) == 0
    assert len(ET.parse(out).getroot().findall(f"{SVG}polyline")) == 4  # noqa: S314


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    trace = write_csv(tmp_path / "t.csv", job("a", 0, 100))
    assert main([str(trace), "--plot", str(tmp_path / "none" / "out.svg")]) == 1
    assert "out.svg: No such file or directory" in capsys.readouterr().err
