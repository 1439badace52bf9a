"""Builds the argument parser of one verb, and says what several verbs have in common.

Must not know any verb's options.
"""

import argparse
from typing import NoReturn

from rcq_tui.cli.failures import UsageError


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would end the process."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(f"{message}. See: {self.prog} --help")


def parser(verb: str, description: str, examples: str, usage: str | None = None) -> Parser:
    """A parser for `rcq VERB`. examples: shown under the options, one command a line."""
    return Parser(
        prog=f"rcq {verb}",
        usage=usage,
        description=description,
        epilog="examples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_json(to: argparse.ArgumentParser) -> None:
    """The option that every listing has."""
    to.add_argument("--json", action="store_true", help="print one JSON document")


def pair(text: str) -> tuple[str, str]:
    """`K=V` as a pair. Raises ArgumentTypeError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value
