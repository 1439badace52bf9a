"""Makes the reader of one verb's command line, and says what several verbs have in common.

Every command loads this, so argparse is imported where it is used. Must not know any verb's options.
"""

from typing import TYPE_CHECKING

from rcq_tui.cli.everyday import Everyday

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from rcq_tui.cli.everyday import Group
    from rcq_tui.cli.fullparser import Parser

    Takes = ArgumentParser | Everyday | Group
    """What options are declared to."""


def everyday(verb: str, description: str, examples: str, usage: str | None = None) -> Everyday:
    """The reader for `rcq VERB`, quick for plain lines. examples: shown under the options, one command a line."""
    return Everyday(prog=f"rcq {verb}", usage=usage, description=description, epilog=_epilog(examples))


def parser(verb: str, description: str, examples: str, usage: str | None = None) -> "Parser":
    """argparse's parser for `rcq VERB`, for verbs that have words below them or need more of it."""
    from rcq_tui.cli.fullparser import whole

    return whole(prog=f"rcq {verb}", usage=usage, description=description, epilog=_epilog(examples))


def add_json(to: "Takes") -> None:
    """The option that every listing has."""
    to.add_argument("--json", action="store_true", help="print one JSON document")


def pair(text: str) -> tuple[str, str]:
    """`K=V` as a pair. Raises ArgumentTypeError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise unfit(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def unfit(message: str) -> Exception:
    """The ArgumentTypeError with which a reader of values refuses one, in words for the person who typed it."""
    from argparse import ArgumentTypeError

    return ArgumentTypeError(message)


def _epilog(examples: str) -> str:
    return "examples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines())
