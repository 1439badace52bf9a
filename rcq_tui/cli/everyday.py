"""Options of the verbs that people type all day, read without argparse, whose import alone costs a third of their time.

A verb declares its options once, with argparse's own words. A plain line is read here; whatever is not plain (help, a
mistake, a form that this does not know) is left to argparse, made from the same declaration. So there is one set of
messages, and a line that both take means the same to both. Must not know any verb.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rcq_tui.cli.fullparser import Parser

_ACTIONS = frozenset({"store", "store_true", "append", "extend", "yes-no"})
_SETTINGS = frozenset({"action", "choices", "default", "dest", "help", "metavar", "required", "type"})


class Chosen:
    """What a command line says, as attributes, for each option that was declared."""

    def __getattr__(self, name: str, /) -> Any:
        raise AttributeError(name)


class Group:
    """Options of which one at most may be given."""

    def __init__(self, of: "Everyday") -> None:
        self._of = of

    def add_argument(self, *names: str, **settings: Any) -> None:
        """As argparse's."""
        self._of.declare(self, names, settings)


class Everyday:
    """The declaration of one verb's command line. made: what argparse's parser is made with."""

    def __init__(self, **made: Any) -> None:
        self._made = made
        self._options: dict[str, _Option] = {}
        self._operands: list[_Option] = []
        self._declared: list[tuple[Group | None, tuple[str, ...], dict[str, Any]]] = []
        self._all_plain = True

    def add_argument(self, *names: str, **settings: Any) -> None:
        """As argparse's; `action` is a word, and `yes-no` stands for its BooleanOptionalAction."""
        self.declare(None, names, settings)

    def add_mutually_exclusive_group(self) -> Group:
        """As argparse's."""
        return Group(self)

    def declare(self, group: Group | None, names: tuple[str, ...], settings: dict[str, Any]) -> None:
        """Take an option or operand in."""
        self._declared.append((group, names, settings))
        option = _Option(group, names, settings)
        self._all_plain = self._all_plain and option.plain
        if not names[0].startswith("-"):
            self._operands.append(option)
        else:
            self._options.update(dict.fromkeys(option.spellings(), option))

    def parse_args(self, argv: Sequence[str]) -> Chosen:
        """Read a command line. Raises UsageError; help is printed and ends the process, as with argparse."""
        found = self._read(argv) if self._all_plain else None
        return self.full().parse_args(argv, Chosen()) if found is None else found

    def full(self) -> "Parser":
        """argparse's parser of the same declaration."""
        from rcq_tui.cli.fullparser import whole

        made = whole(**self._made)
        groups: dict[Group | None, Any] = {None: made}
        for group, names, settings in self._declared:
            if group not in groups:
                groups[group] = made.add_mutually_exclusive_group()
            groups[group].add_argument(*names, **settings)
        return made

    def _read(self, argv: Sequence[str]) -> Chosen | None:
        """What a plain line says; `None` where this cannot be sure of it."""
        chosen = Chosen()
        for declared in (*self._operands, *self._options.values()):
            if declared.dest not in chosen.__dict__:
                setattr(chosen, declared.dest, declared.default())
        given: list[_Option] = []
        words, operands = iter(argv), iter(self._operands)
        for word in words:
            is_option = word.startswith("-")
            name, value = _apart(word) if is_option else (word, word)
            option = self._options.get(name) if is_option else next(operands, None)
            if option is None or not option.take(chosen, name, value, words):
                return None
            given.append(option)
        missing = any(one.required and one not in given for one in (*self._operands, *self._options.values()))
        return None if missing or _clash(given) else chosen


class _Option:
    """One option or operand. plain: it can be read here."""

    def __init__(self, group: Group | None, names: tuple[str, ...], settings: dict[str, Any]) -> None:
        is_operand = not names[0].startswith("-")
        longest = next((name for name in names if name.startswith("--")), names[0])
        self.group = group
        self.names = names
        self.dest: str = settings.get("dest") or longest.lstrip("-").replace("-", "_")
        self.action: str = settings.get("action", "store")
        self.read = settings.get("type", str)
        self.choices = settings.get("choices")
        self.required: bool = is_operand or settings.get("required", False)
        self._default = settings.get("default", False if self.action == "store_true" else None)
        is_text_read = isinstance(self._default, str) and "type" in settings
        self.plain = settings.keys() <= _SETTINGS and self.action in _ACTIONS and not is_text_read

    def spellings(self) -> Iterator[str]:
        """What it is called on a command line."""
        yield from self.names
        if self.action == "yes-no":
            yield from (f"--no-{name[2:]}" for name in self.names if name.startswith("--"))

    def default(self) -> Any:
        """The value where it is not given; a list of one's own."""
        return self._default.copy() if isinstance(self._default, list) else self._default

    def take(self, chosen: Chosen, name: str, value: str | None, words: Iterator[str]) -> bool:
        """Note what was given for it, its value taken off the words where it is not there yet; False: cannot say."""
        if self.action in {"store_true", "yes-no"}:
            setattr(chosen, self.dest, not (self.action == "yes-no" and name.startswith("--no-")))
            return value is None
        text = next(words, "-") if value is None else value
        if not text or (text.startswith("-") and value is None):
            return False
        try:
            read = self.read(text)
        except _unfit():
            return False
        if self.choices is not None and read not in self.choices:
            return False
        if self.action == "store":
            setattr(chosen, self.dest, read)
        else:
            more = read if self.action == "extend" else [read]
            setattr(chosen, self.dest, [*(getattr(chosen, self.dest) or ()), *more])
        return True


def _apart(word: str) -> tuple[str, str | None]:
    """An option and its value, where it has one behind a `=`."""
    name, equals, value = word.partition("=")
    return name, value if equals else None


def _clash(given: list[_Option]) -> bool:
    """Whether options were given that exclude each other."""
    grouped = {(option.group, option.dest) for option in given if option.group is not None}
    return len({group for group, _ in grouped}) < len(grouped)


def _unfit() -> tuple[type[Exception], ...]:
    """What a reader of values may raise. Asked for once something was raised: only then is argparse imported."""
    from argparse import ArgumentTypeError

    return ArgumentTypeError, TypeError, ValueError
