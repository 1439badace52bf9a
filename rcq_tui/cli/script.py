"""Job scripts: which file is one, and the `#RCQ` and `#SBATCH` lines in it.

A script is a shell's: it ends in `.sh`, or its first line names a shell. Must not know what the options mean.
"""

import re
import shlex
from codecs import BOM_UTF8
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rcq_tui.cli.failures import UsageError

MAX_BYTES = 4 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_RCQ, _SBATCH = "#RCQ", "#SBATCH"
_HERE = re.compile(r"(?<!<)<<(-?)[ \t]*([\"'\\]?)([A-Za-z_]\w*)")
"""What begins a here-document, and the word that ends it."""
_SAID = re.compile(r"""(?:[^\\"'#]|\\.|"(?:\\.|[^"\\])*"|'[^']*'|(?<=\S)#)*""")
"""A line up to its comment: as in a shell, `#` begins one only where a word could begin."""

_DIRECTIVE = re.compile(rb"^(#RCQ|#SBATCH)[ -]", re.MULTILINE)


class Directive(NamedTuple):
    """The options on one `#RCQ` line, or the words of an `#SBATCH` line. line: counted from 1."""

    line: int
    options: list[str]


def script_text(word: str) -> str | None:
    """The file's content if `word` names a shell script, else `None`. Raises UsageError if it cannot be read."""
    path = Path(word)
    if not _is_file(path):
        return None
    try:
        with path.open("rb") as file:
            first = file.readline(256)
            if not _names_a_shell(first):
                _heed_directives(word, first, file)
                if not word.endswith(".sh"):
                    return None
                _heed_first_line(word, first)
    except OSError as error:
        raise UsageError(f"{word} cannot be read: {error.strerror}") from error
    return read_text(word)


def read_text(word: str) -> str:
    """The content of the script that is named so, whatever it begins with. Raises UsageError if it cannot be read."""
    path = Path(word)
    if not _is_file(path):
        raise UsageError(f"{word} is no file; a script is one")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{word} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{word} has more than {MAX_BYTES} bytes; submit a command that runs it: rcq submit -- {word}")
    if b"\r\n" in content or content.startswith(BOM_UTF8):
        raise UsageError(
            f"{word} has line breaks or a first mark of DOS, over which bash stumbles; take them out first: "
            rf"sed -i '1s/^\xef\xbb\xbf//; s/\r$//' {shlex.quote(word)}"
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{word} is not a text in UTF-8 (byte {error.start}); it is no script") from error


def _heed_directives(word: str, first: bytes, file: BinaryIO) -> None:
    """Refuse a program whose directives would be ignored."""
    if first.startswith(b"#!") and (found := _DIRECTIVE.search(file.read(_HEAD_BYTES))) is not None:
        raise UsageError(
            f"{word} has {found[1].decode()} lines, which count in a script for a shell alone. Give the options to "
            f"rcq submit, and say that it is a command: rcq submit [OPTIONS] -- {word}"
        )


def _heed_first_line(word: str, first: bytes) -> None:
    """Refuse what looks like a script for bash by its name, and by its first line is one for something else."""
    if first.startswith(b"#!"):
        named = first[2:].decode("latin-1").strip()
        raise UsageError(
            f"{word} is for {named}, and a script is run by bash here. "
            f"Say that it is a command: rcq submit [OPTIONS] -- {word}"
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name: a word of a command
        return False


class Head(NamedTuple):
    """The lines of a script that say something of the job: `#RCQ` ones, and `#SBATCH` ones as Slurm's words."""

    rcq: list[Directive]
    slurm: list[Directive]


def head_of(text: str) -> Head:
    """The lines that stand before the first command. Raises UsageError for lines that would be ignored."""
    found = Head([], [])
    lines = text.splitlines()
    is_head = True
    for number, line in enumerate(lines, 1):
        is_head = is_head and (not line.strip() or line.lstrip().startswith("#"))
        mark = _mark(line)
        if mark is None:
            continue
        if not is_head:
            if number in _text_lines(lines):
                continue
            raise UsageError(
                f"line {number}: an {mark} line after the first command has no effect; move it up, "
                "or submit the script as a command: rcq submit -- bash SCRIPT"
            )
        into = found.rcq if mark == _RCQ else found.slurm
        into.append(Directive(number, _split(line.strip().removeprefix(mark), number)))
    return found


def _mark(line: str) -> str | None:
    """The word that a line of directives begins with; Slurm needs no blank behind its own."""
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    if word == _RCQ or word.startswith(f"{_RCQ}-"):
        return _RCQ
    return _SBATCH if word == _SBATCH or word.startswith(f"{_SBATCH}-") else None


def _text_lines(lines: list[str]) -> frozenset[int]:
    """Numbers of the lines in here-documents: whatever they say is said to a program."""
    inside: set[int] = set()
    number = 0
    while number < len(lines):
        begun = None if lines[number].lstrip().startswith("#") else _HERE.search(lines[number])
        number += 1
        if begun is None:
            continue
        ends = (at for at in range(number, len(lines)) if lines[at].strip("\t" if begun[1] else "") == begun[3])
        end = next(ends, number)
        inside.update(range(number + 1, end + 1))
        number = end
    return frozenset(inside)


def _split(options: str, number: int) -> list[str]:
    said = _SAID.match(options)
    if said is not None and options.startswith("#", said.end()):
        options = said[0]
    try:
        return shlex.split(options)
    except ValueError as error:
        raise UsageError(f"line {number}: {error}") from error


def _names_a_shell(first: bytes) -> bool:
    if not first.startswith(b"#!"):
        return False
    words = first[2:].decode("latin-1").split()
    names = [word.rpartition("/")[2] for word in words if not word.startswith("-")]
    return bool(names) and (names[0] in _SHELLS or (names[0] == "env" and names[1:2] != [] and names[1] in _SHELLS))
