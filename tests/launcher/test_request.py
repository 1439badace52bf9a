"""What the launcher takes: exactly its schema, and nothing that names root, other places or other devices."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.launcher.request import MOST_BYTES, Refused, Request, read

START: dict[str, Any] = {
    "do": "start",
    "job": "42",
    "attempt": 2,
    "user": "ada",
    "environment": {"PATH": "/usr/bin", "X": "a\nb"},
    "workdir": "/home/ada",
    "limit_s": 60,
    "grace_s": 2.5,
    "memory_mb": 1024,
    "cpus": 4,
    "cores": [0, 3],
    "tasks": 100,
    "devices": ["/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap12"],
    "cleanup": ["docker", "rm", "-f", "x"],
}


def test_a_whole_request_is_read_as_it_is() -> None:
    assert read(json.dumps(START).encode()) == Request(**START)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("do", "reboot"),
        ("do", None),
        ("job", "42.service"),
        ("job", "../1"),
        ("job", 42),
        ("job", ""),
        ("attempt", -1),
        ("attempt", True),
        ("attempt", 1.5),
        ("user", "ada\n"),
        ("user", "0"),
        ("user", "+0"),
        ("user", "-u root"),
        ("argv", ["ls"]),
        ("cleanup", ["a", 1]),
        ("cleanup", "ls"),
        ("cleanup", ["a\0b"]),
        ("environment", {"A=B": "1"}),
        ("environment", {"A": 1}),
        ("environment", {"": "x"}),
        ("environment", [["A", "b"]]),
        ("workdir", "home"),
        ("workdir", "/home/../root"),
        ("workdir", "/home//ada"),
        ("workdir", "//etc"),
        ("workdir", "/home/ada/w\nExecStopPost=+/home/ada/evil"),
        ("workdir", "/home/ada\r"),
        ("workdir", "/home/ada\\"),
        ("limit_s", -1),
        ("limit_s", 1e300),
        ("grace_s", "5"),
        ("memory_mb", -5),
        ("cores", [5000]),
        ("cores", [-1]),
        ("cores", [True]),
        ("devices", ["/dev/sda"]),
        ("devices", ["/dev/nvidia0/../sda"]),
        ("devices", ["/dev/nvidia0\n"]),
        ("pids", [[1, 5]]),
        ("pids", [[7]]),
        ("pids", [7]),
        ("scope", 1),
        ("ambient_capabilities", ["CAP_SYS_ADMIN"]),
        ("User", "root"),
    ],
)
def test_anything_else_is_refused_whole(name: str, value: object) -> None:
    with pytest.raises(Refused, match=repr(name)):
        read(json.dumps(START | {name: value}).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"1", b"\xff", b"[" * 100_000, b'{"job": "1"}'])
def test_what_is_no_request_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        read(text)


def test_a_request_has_an_end() -> None:
    with pytest.raises(Refused):
        read(json.dumps(START | {"cleanup": ["x" * MOST_BYTES]}).encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
    )
)
def test_nothing_breaks_it(raw: object) -> None:
    with pytest.raises(Refused):
        read(json.dumps(raw).encode())


@given(name=st.sampled_from(sorted(START)), value=st.text(string.printable, max_size=8) | st.integers() | st.none())
def test_no_value_of_a_field_breaks_it(name: str, value: object) -> None:
    try:
        found = read(json.dumps(START | {name: value}).encode())
    except Refused:
        return
    assert getattr(found, name) == value
