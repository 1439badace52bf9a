"""Where an attempt's output begins: what earlier attempts wrote is left out, whatever lies in the job's directory."""

import os

import pytest

from engine.executor.marks import mark, tail


@pytest.fixture
def place(tmp_path):
    (tmp_path / "stdout.log").write_bytes(b"first")
    (tmp_path / "stderr.log").write_bytes(b"")
    return tmp_path


def wrote(place, name, text):
    with (place / name).open("ab") as log:
        log.write(text)


def test_an_attempt_without_a_mark_wrote_everything(place):
    assert tail(place, 1, "stdout", 100) == b"first"
    assert tail(place, 1, "stdout", 3) == b"rst"


def test_a_later_attempt_wrote_what_came_after_its_mark(place):
    mark(place, 2)
    assert tail(place, 2, "stdout", 100) == b""
    wrote(place, "stdout.log", b"second")
    wrote(place, "stderr.log", b"oops")
    assert (tail(place, 2, "stdout", 100), tail(place, 2, "stderr", 100)) == (b"second", b"oops")
    assert tail(place, 2, "stdout", 4) == b"cond"


def test_the_first_word_about_an_attempt_stays(place):
    """Its start may be tried again while it runs already."""
    mark(place, 2)
    wrote(place, "stdout.log", b"second")
    mark(place, 2)
    assert tail(place, 2, "stdout", 100) == b"second"


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"stdout": "5"}', '{"stdout": -5}', '{"stdout": true}'])
def test_a_mark_that_was_tampered_with_hides_nothing(place, text):
    (place / "logs-2.json").write_text(text)
    assert tail(place, 2, "stdout", 100) == b"first"


def test_links_and_pipes_are_not_read(place):
    (place / "secret").write_text("secret")
    for name, make in (("stdout.log", lambda at: at.symlink_to(place / "secret")), ("stderr.log", os.mkfifo)):
        (place / name).unlink()
        make(place / name)
    assert tail(place, 1, "stdout", 100) == tail(place, 1, "stderr", 100) == b""
    mark(place, 2)


def test_no_directory_is_nothing(tmp_path):
    assert tail(tmp_path / "gone", 2, "stdout", 100) == b""
