"""Job scripts: which file is one, and the `#RCQ` lines in it.

A script is a shell's: it ends in `.sh`, or its first line names a shell. Must not know what the options mean.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

from rcq_tui.cli.failures import UsageError

MAX_BYTES = 4 * 1024 * 1024
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


class Directive(NamedTuple):
    """The options on one `#RCQ` line. line: counted from 1."""

    line: int
    options: list[str]


def script_text(word: str) -> str | None:
    """The file's content if `word` names a shell script, else `None`. Raises UsageError if it cannot be read."""
    path = Path(word)
    if not _is_file(path):
        return None
    if not word.endswith(".sh"):
        try:
            with path.open("rb") as file:
                if not _names_a_shell(file.readline(256)):
                    return None
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
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{word} is not a text in UTF-8 (byte {error.start}); it is no script") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name: a word of a command
        return False


def directives(text: str) -> list[Directive]:
    """The `#RCQ` lines, which stand before the first command. Raises UsageError for lines that would be ignored."""
    found: list[Directive] = []
    head = True
    for number, line in enumerate(text.splitlines(), 1):
        word = line.split(maxsplit=1)[0] if line.strip() else "#"
        head = head and word.startswith("#")
        if word == "#SBATCH" and head:
            raise UsageError(
                f"line {number}: #SBATCH lines are not understood; write #RCQ with the options of rcq submit"
            )
        if word != "#RCQ":
            continue
        if not head:
            raise UsageError(f"line {number}: an #RCQ line after the first command has no effect; move it up")
        found.append(Directive(number, _split(line, number)))
    return found


def _split(line: str, number: int) -> list[str]:
    try:
        return shlex.split(line.strip().removeprefix("#RCQ"), comments=True)
    except ValueError as error:
        raise UsageError(f"line {number}: {error}") from error


def _names_a_shell(first: bytes) -> bool:
    if not first.startswith(b"#!"):
        return False
    words = first[2:].decode("latin-1").split()
    names = [word.rpartition("/")[2] for word in words if not word.startswith("-")]
    return bool(names) and (names[0] in _SHELLS or (names[0] == "env" and names[1:2] != [] and names[1] in _SHELLS))
