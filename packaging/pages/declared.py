"""Verbs and options as the commands declare them to argparse: what `--help` shows, as plain values.

Each verb is run up to the moment when it would read its command line. Must not know who prints them.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from runpy import run_module
from typing import Any, NoReturn
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine.protocol.listings import STATES  # noqa: E402 - of this tree, whatever is installed
from rcq_tui.cli.everyday import Everyday  # noqa: E402 - of this tree, whatever is installed
from rcq_tui.cli.jobids import KINDS  # noqa: E402 - likewise
from rcq_tui.cli.verbs import GROUPS  # noqa: E402 - of this tree, whatever is installed

ASKED = frozenset(KINDS)
"""Kinds whose words the engine knows: `rcq __ids KIND` tells them."""
OPTIONS = {"--group": "group", "--service": "service", "--account": "account", "--state": "list"}
"""What options take that are called so."""
OPERANDS = {
    ("drain", "GPU"): "gpu",
    ("resume", "GPU"): "gpu",
    ("reserve", "GPU|COUNT"): "gpu",
    ("unreserve", "ID"): "reservation",
    ("account", "NAME"): "account",
    ("group", "NAME"): "group",
    ("service", "NAME"): "service",
    ("token", "ID|NAME"): "token",
}
FILE_NAMES = frozenset({"FILE", "FILE|-", "PATH", "TRACE", "SCRIPT"})


@dataclass(slots=True, frozen=True, kw_only=True)
class Value:
    """What an option takes or an operand is. many: one or more.

    kind: `file`, `directory`, `command`, `text`, one of ASKED, or `list`: choices with commas between.
    """

    name: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    optional: bool = False
    many: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Option:
    """An option by all its names. value: `None` where it is a switch; repeat: it may be given again."""

    names: tuple[str, ...]
    help: str
    value: Value | None
    required: bool = False
    repeat: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Command:
    """A verb, or one of the words that some verbs go on with."""

    words: tuple[str, ...]
    summary: str
    description: str
    usage: str
    epilog: str
    options: tuple[Option, ...]
    operands: tuple[tuple[Value, str], ...]
    inner: tuple["Command", ...] = ()

    @property
    def path(self) -> str:
        """Its words with a space between."""
        return " ".join(self.words)

    def all(self) -> Iterator["Command"]:
        """Itself and what goes on from it."""
        yield self
        yield from self.inner


class Caught(BaseException):
    """A parser at the moment when it was to be used: not to be caught on the way here."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


class Became(BaseException):
    """A verb was to be replaced by this module's program."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self.module = module


def verbs() -> dict[str, list[Command]]:
    """Every verb under the heading that `rcq --help` has it under."""
    return {
        title: [_command((name,), verb.summary, _parser_of(f"rcq_tui.cli.{verb.module}")) for name, verb in of.items()]
        for title, of in GROUPS.items()
    }


def _parser_of(module: str) -> argparse.ArgumentParser:
    patched = (
        patch.object(argparse.ArgumentParser, "parse_args", _catch),
        patch.object(Everyday, "parse_args", lambda declared, *_: _catch(declared.full())),
        patch.object(os, "execv", _become),
    )
    with patched[0], patched[1], patched[2]:
        try:
            import_module(module).run([])
        except Caught as caught:
            return caught.parser
        except Became as became:
            try:
                run_module(became.module, run_name="__main__")
            except Caught as caught:
                return caught.parser
    raise RuntimeError(f"{module} reads its command line in some other way")


def _catch(parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
    raise Caught(parser)


def _become(_: str, argv: list[str]) -> NoReturn:
    raise Became(argv[argv.index("-m") + 1])


def _command(words: tuple[str, ...], summary: str, parser: argparse.ArgumentParser) -> Command:
    actions = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    words_on = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    operands = [action for action in actions if not action.option_strings and action not in words_on]
    told = {choice.dest: choice.help or "" for on in words_on for choice in on._choices_actions}
    takes_command = "COMMAND" in (parser.usage or "")
    command_line = ((Value(name="COMMAND", kind="command", many=True), ""),) if takes_command else ()
    further = [(name, inner) for on in words_on for name, inner in on.choices.items()]
    return Command(
        words=words,
        summary=summary,
        description=parser.description or "",
        usage=_usage(words, parser.usage, operands, bool(words_on)),
        epilog=parser.epilog or "",
        options=tuple(_option(action, parser) for action in actions if action.option_strings),
        operands=command_line or tuple((_operand(action, words), _help(action, parser)) for action in operands),
        inner=tuple(_command((*words, name), told[name], inner) for name, inner in further),
    )


def _operand(action: argparse.Action, words: tuple[str, ...]) -> Value:
    value = _value(action)
    if value.name == "ID" and words[0] in GROUPS["Jobs"]:
        return replace(value, kind="job")
    kind = OPERANDS.get((words[0], value.name), value.kind)
    return value if words[-1] in {"add", "create"} else replace(value, kind=kind)


def _option(action: argparse.Action, parser: argparse.ArgumentParser) -> Option:
    repeat = isinstance(action, argparse._AppendAction | argparse._ExtendAction)
    value = None if action.nargs == 0 else _value(action)
    if value is not None and (kind := OPTIONS.get(action.option_strings[-1])) and value.kind == "text":
        value = replace(value, kind=kind, choices=(*STATES, "all") if kind == "list" else ())
    return Option(
        names=tuple(action.option_strings),
        help=_help(action, parser),
        value=value,
        required=action.required,
        repeat=repeat,
    )


def _value(action: argparse.Action) -> Value:
    name = str(action.metavar or action.dest.upper())
    kind = "file" if name in FILE_NAMES or action.type is Path else "text"
    return Value(
        name=name,
        kind="directory" if name == "DIR" else kind,
        choices=tuple(str(choice) for choice in action.choices or ()),
        optional=action.nargs in {"?", "*"},
        many=action.nargs in {"+", "*"},
    )


def _help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    return (action.help or "") % {**vars(action), "prog": parser.prog}


def _usage(words: tuple[str, ...], own: str | None, operands: list[argparse.Action], more: bool) -> str:
    """argparse's own differs between versions of Python."""
    if own:
        return own
    named = [_value(action) for action in operands]
    shown = [value.name + ("…" if value.many else "") for value in named]
    shown = [f"[{text}]" if value.optional else text for text, value in zip(shown, named, strict=True)]
    return " ".join(["rcq", *words, "WORD" if more else "[OPTIONS]", *shown])
