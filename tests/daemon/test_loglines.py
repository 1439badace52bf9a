"""Lines of the engine's log that strangers would like to write: none begins at the margin, none obeys a terminal."""

import logging
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hostile_text import CORPUS, POISON

from engine.daemon.checks.finding import Finding
from engine.daemon.doctor import line
from engine.daemon.loglines import INDENT, PLAIN, EscapingFormatter, JournalFormatter
from engine.daemon.printable import escaped, printable


def record(text: str, *, raised: bool = False) -> logging.LogRecord:
    trouble = None
    if raised:
        try:
            raise ValueError(text)
        except ValueError as error:
            trouble = (ValueError, error, error.__traceback__)
    return logging.LogRecord("engine.x", logging.WARNING, "f.py", 1, "failed log-in of %s", (text,), trouble)


@pytest.mark.parametrize("text", [*CORPUS.values(), POISON])
@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize(
    ("form", "head"), [(EscapingFormatter(PLAIN), " WARNING "), (JournalFormatter(), "<4>engine.x: ")]
)
def test_a_record_has_one_head_and_no_control_characters(text, raised, form, head):
    lines = form.format(record(text, raised=raised)).split("\n")
    assert all(one.isprintable() for one in lines)
    assert head in lines[0]
    below = [one.removeprefix("<4>") for one in lines[1:]]
    assert all(one.startswith(INDENT) for one in below)
    assert bool(below) == raised


def test_what_was_written_can_still_be_read():
    assert escaped("größe") == "größe"
    assert escaped("a\nb\x1b[31m\u202e\ud800") == "a\\nb\\x1b[31m\\u202e\\ud800"
    "\n".join(map(escaped, CORPUS.values())).encode()


@pytest.mark.parametrize("text", [*CORPUS.values(), POISON])
def test_a_finding_of_the_doctor_is_one_harmless_line(text):
    assert line("people", Finding(state="warn", found=text, mend=text)).isprintable()
    assert printable(text).isprintable()
