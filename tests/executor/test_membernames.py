"""Names in an archive: they lead nowhere else, show nothing but themselves, and no two are the same."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.executor.membernames import HIDDEN, LONGEST_BYTES, Names, harmless, shown


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out/model.pt", "out/model.pt"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a//./b", "a/b"),
        ("...", "%2E%2E%2E"),
        ("..\\..\\windows", "..%5C..%5Cwindows"),
        ("C:evil", "C%3Aevil"),
        ("12:30.log", "12:30.log"),
        ("\x1b[2Jx\n", "%1B[2Jx%0A"),
        ("a\u202egpj.exe", "a%E2%80%AEgpj.exe"),
        (os.fsdecode(b"caf\xe9"), "caf%E9"),
        ("größe", "größe"),
        ("", "_"),
    ],
)
def test_a_path_becomes_a_harmless_name(path: str, name: str) -> None:
    assert harmless(path) == name


def test_the_same_name_is_given_once() -> None:
    names = Names("rcq-left-out.txt")
    given = [names.of(one) for one in ("RCQ-LEFT-OUT.txt", os.fsdecode(b"\xe9"), "%E9", "a", "A", "/a")]
    assert given == ["RCQ-LEFT-OUT.txt~2", "%E9", "%E9~2", "a", "A~2", "a~3"]


def test_a_very_long_path_is_cut() -> None:
    assert len(harmless("x/" * 100_000).encode()) <= LONGEST_BYTES


def test_a_line_stays_one_line() -> None:
    assert shown("to\n../x\x07") == "to%0A../x%07"


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_whatever_bytes_a_path_has(paths: list[bytes]) -> None:
    names = Names()
    given = [names.of(os.fsdecode(one)) for one in paths]
    assert len({one.casefold() for one in given}) == len(given)
    for name in given:
        name.encode()
        assert not name.startswith("/")
        assert "\\" not in name
        assert not {"", ".", ".."} & set(name.split("/"))
        assert not any(unicodedata.category(one) in HIDDEN for one in name)
