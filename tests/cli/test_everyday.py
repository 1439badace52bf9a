"""The quick reader of command lines against argparse: what both take means the same, the rest is argparse's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.cli import queue, submit
from rcq_tui.cli.everyday import Chosen, Everyday
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import unfit

WORDS = [
    *("--state", "pending", "--mine", "--all", "--account", "ann", "--sort", "name", "--sort=id", "--sort=none"),
    *("--limit", "5", "0", "-1", "--limit=7", "--limit=", "--json", "--json=1", "--js", "-j", "--", "-", "x", "a b"),
    *("--reverse", "--gpus", "2", "two", "--share", "--no-share", "--no-gpus", "--env", "A=1", "B=2", "=", "", "-a b"),
    *("--tag", "k=v", "--after", "3", "4:any,5", "3:no", "--array", "0-3%2", "--time", "2h", "--wait", "--snapshot"),
    *("--name", "--file", "n=p", "--begin", "2030-01-01"),
]


def letter(text: str) -> str:
    """One letter, as a reader of values."""
    if len(text) != 1:
        raise unfit(f"{text!r} is no letter")
    return text


def sample() -> Everyday:
    """Operands, what excludes each other, and what has to be given."""
    declared = Everyday(prog="sample")
    declared.add_argument("who")
    declared.add_argument("what", type=letter, choices=("a", "x", "5"))
    either = declared.add_mutually_exclusive_group()
    either.add_argument("--mine", action="store_true")
    either.add_argument("--all", "-j", action="store_true")
    declared.add_argument("--limit", type=int, required=True)
    declared.add_argument("--tag", dest="tags", action="append", default=["t"])
    return declared


def outcome(of: Everyday, argv: list[str]) -> tuple[object, str]:
    """What a line gives: the options, or the words of the refusal."""
    try:
        return vars(of.parse_args(argv)), ""
    except UsageError as error:
        return None, str(error)


@contextmanager
def argparse_alone() -> Iterator[None]:
    """Nothing is read quickly."""
    with patch.object(Everyday, "_read", lambda *_: None):
        yield


@pytest.mark.parametrize("made", [sample, queue._parser, submit._parser], ids=["sample", "queue", "submit"])
@given(argv=st.lists(st.sampled_from(WORDS), max_size=6))
def test_both_read_the_same(made: type, argv: list[str]) -> None:
    quick = outcome(made(), argv)
    with argparse_alone():
        assert outcome(made(), argv) == quick


@pytest.mark.parametrize(
    "argv",
    [
        ["ann", "x", "--limit", "5"],
        ["--limit=5", "ann", "--mine", "x", "--tag", "a", "--tag=b"],
        ["ann", "-j", "x", "--limit", "5", "--limit", "6", "-j"],
    ],
)
def test_a_plain_line_is_read_without_argparse(argv: list[str]) -> None:
    declared = sample()
    with patch.object(Everyday, "full", side_effect=AssertionError("argparse was made")):
        found = declared.parse_args(argv)
    assert isinstance(found, Chosen)
    assert (found.who, found.what) == ("ann", "x")
    with argparse_alone():
        assert vars(sample().parse_args(argv)) == vars(found)


def test_a_form_that_the_quick_reader_does_not_know_is_left_to_argparse() -> None:
    declared = Everyday(prog="sample")
    declared.add_argument("ids", nargs="+")
    assert declared.parse_args(["1", "2"]).ids == ["1", "2"]


def test_defaults_are_ones_own() -> None:
    declared = sample()
    first = declared.parse_args(["ann", "x", "--limit", "5", "--tag", "new"])
    second = declared.parse_args(["ann", "x", "--limit", "5"])
    assert (first.tags, second.tags) == (["t", "new"], ["t"])


def test_help_is_argparses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        submit._parser().parse_args(["--help"])
    assert ended.value.code == 0
    assert "--no-share" in capsys.readouterr().out
    assert "argparse" in sys.modules
