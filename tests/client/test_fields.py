"""Fields as Python programs give them; parameters in templates; what notebooks are shown."""

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import get_type_hints

import pytest

from engine.api.schema import JOB_NAMES
from rcq_tui.client.handles.given import Fields, job_of
from rcq_tui.client.handles.pictures import job_html, job_text, sweep_html
from rcq_tui.client.handles.sweepkeys import jobs_of, sets_of
from rcq_tui.client.handles.template import filled, filled_all, grid


def test_every_field_of_the_interface_may_be_given():
    elsewhere = {"command", "script", "array", "foreground"}  # arguments of their own, and what is a terminal's matter
    assert {*get_type_hints(Fields)} == set(JOB_NAMES) - elsewhere


def test_units_types_and_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Handle:
        id = 7

    given = job_of(
        ["python", Path("train.py"), 3, 0.5],
        None,
        {
            "time_limit_s": timedelta(minutes=90), "memory_mb": "16G", "gpu_memory_mb": 512, "group": None,
            "begin": datetime(2026, 1, 1, tzinfo=UTC), "after": [3, Handle(), {"id": Handle(), "when": "any"}],
            "environment": {"N": 1, "P": Path("/x")}, "tags": {"lr": 0.1}, "args": [1], "gpus": 2,
        },
    )  # fmt: skip
    assert given == {
        "command": ["python", "train.py", "3", "0.5"], "time_limit_s": 5400, "memory_mb": 16384, "gpu_memory_mb": 512,
        "begin": 1767225600.0, "after": [3, 7, {"id": 7, "when": "any"}], "environment": {"N": "1", "P": "/x"},
        "tags": {"lr": "0.1"}, "args": ["1"], "gpus": 2, "workdir": str(tmp_path),
    }  # fmt: skip
    assert job_of("sh -c 'a b' \"c d\"", None, {"workdir": "~/x"}) == {
        "command": ["sh", "-c", "a b", "c d"], "workdir": str(Path("~/x").expanduser()),
    }  # fmt: skip
    assert job_of(None, "exit 3", {"time_limit_s": "2h"}) == {
        "script": "exit 3", "time_limit_s": 7200, "workdir": str(tmp_path),
    }  # fmt: skip
    assert job_of("true", None, {"time_limit_s": 0.5})["time_limit_s"] == 1, "never less than was asked for"
    for wrong in ({"time_limit_s": "soon"}, {"memory_mb": "much"}):
        with pytest.raises(ValueError, match="write for example"):
            job_of("true", None, wrong)


def test_numbers_of_other_libraries_become_plain_ones():
    class Four(int):
        """As numpy's: an integral number that JSON may not know."""

    given = job_of(
        "true", None, {"gpus": Four(4), "memory_gb": Fraction(1, 2), "preemptible": True, "after": [Four(4)]}
    )
    assert [type(given[name]) for name in ("gpus", "memory_gb", "preemptible")] == [int, float, bool]
    assert type(given["after"][0]) is int


def test_every_combination():
    assert grid(a=[1, 2], b="xy") == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert grid() == [{}]
    assert grid(a=[]) == []


def test_parameters_are_put_in():
    given = {"lr": 0.001, "name": "{lr}", "n": 7, "wide": 5}
    assert filled("--lr={lr:.0e} {n:0{wide}d} {name!r} {{}}", given) == "--lr=1e-03 00007 '{lr}' {}"
    assert filled_all([["{n}", 3], {"{n}": "{n}"}, None], given) == [["7", 3], {"{n}": "7"}, None]
    for wrong in ("{lrr}", "{lr.real}", "{lr[0]}", "{}", "{", "}", "{0}"):
        with pytest.raises(ValueError, match=re.escape("{{ and }}")):
            filled(wrong, given)
    with pytest.raises(ValueError, match=re.escape("did you mean {lr}")):
        filled("{lrr}", given)


def test_jobs_of_a_sweep():
    template = {
        "command": ["run", "{x}"], "name": "n{x}", "environment": {"X": "{x}"}, "tags": {"kind": "t{x}"}, "gpus": 1,
        "workdir": "/w",
    }  # fmt: skip
    one, two = jobs_of(template, [{"x": 1}, {"x": "a\nb"}], "k")
    assert one == {
        "command": ["run", "1"], "name": "n1", "environment": {"X": "1"}, "gpus": 1, "workdir": "/w",
        "tags": {"x": "1", "kind": "t1", "sweep": "k"}, "job_id": one["job_id"],
    }  # fmt: skip
    assert two["tags"] == {"kind": "ta\nb", "sweep": "k"}, "what is not for the eye is no tag by itself"
    assert jobs_of({"script": 'echo "${X}"', "workdir": "/w"}, [{"x": 1}], "k")[0]["script"] == 'echo "${X}"'
    assert jobs_of(template, [{"x": 1}], "k")[0]["job_id"] == one["job_id"]
    assert jobs_of(template, [{"x": 1}], "l")[0]["job_id"] != one["job_id"]
    assert jobs_of({**template, "gpus": 2}, [{"x": 1}], "k")[0]["job_id"] != one["job_id"]


def test_notebooks_are_shown_what_is_harmless():
    evil = "<script>alert(1)</script>\x1b[31m"
    assert job_text("Job", 7, "a\x1b]0;x\x07b", "running") == "<Job 7 ab: running>"
    shown = job_html(7, evil, "running", {evil: evil})
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;" in shown
    assert "▶ running" in shown
    many = [(number, "pending", {"lr": evil}) for number in range(30)]
    shown = sweep_html(evil, many, {"pending": 30}, 2)
    assert "<script" not in shown
    assert shown.count("<tr>") == 21
    assert "30 jobs, 30 pending, 2 refused" in shown
    assert "… 10 more" in shown


@pytest.mark.parametrize(
    ("command", "fields", "says"),
    [
        (b"true", {}, "command: give a list of words, not bytes"),
        (Path("train.py"), {}, "command: give a list of words, not PosixPath"),
        ({"command": "true"}, {}, "command: give a list of words, not dict"),
        (["python", None], {}, "command: None is no word"),
        (["python", b"x"], {}, "command: b'x' is no word"),
        ("'open", {}, "command: No closing quotation"),
        ("true", {"args": "--lr 1"}, "args: give a list of words, not str"),
        ("true", {"environment": ["A=1"]}, "environment: give a map of names to values, not list"),
        ("true", {"tags": "a"}, "tags: give a map of names to values, not str"),
        ("true", {"time_limit_s": float("nan")}, "time_limit_s: "),
        ("true", {"time_limit_s": float("inf")}, "time_limit_s: "),
        ("true", {"time_limit_s": []}, "time_limit_s: "),
        ("true", {"after": 1.5}, "after: "),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_field(command, fields, says):
    with pytest.raises((ValueError, TypeError), match=re.escape(says)):
        job_of(command, None, fields)


def test_one_job_to_come_after_needs_no_list():
    class Handle:
        id = 7

    for one, told in ((Handle(), 7), (3, 3), ({"id": Handle(), "when": "any"}, {"id": 7, "when": "any"})):
        assert job_of("true", None, {"after": one})["after"] == [told]


@pytest.mark.parametrize("wrong", [{"lr": [1]}, ["lr"], [{1: 2}], [None]])
def test_sets_of_parameters_are_maps(wrong):
    with pytest.raises(TypeError, match="parameters: "):
        sets_of(wrong)


@pytest.mark.parametrize("text", ["{name:e}", "{name!x}", "{none:>4}"])
def test_a_value_that_cannot_be_shown_so_is_named(text):
    with pytest.raises(ValueError, match=re.escape(f"{text!r} cannot show n")):
        filled(text, {"name": "n", "none": None})
