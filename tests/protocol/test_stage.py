"""Frames between a job in the foreground and its submitter."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.stage import DATA, HEAD, HELLO, MAX_BODY, Broken, Frames, framed, peer_uid, said


@given(st.lists(st.tuples(st.sampled_from([DATA, HELLO]), st.binary(max_size=300))), st.integers(1, 64))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent: list[tuple[bytes, bytes]], step: int) -> None:
    stream = b"".join(framed(kind, body) for kind, body in sent)
    frames = Frames()
    came = [one for at in range(0, len(stream), step) for one in frames.feed(stream[at : at + step])]
    assert [(one.kind, one.body) for one in came] == sent


def test_values_survive_with_names_that_are_no_utf8() -> None:
    value = {"A": b"\xff\n".decode(errors="surrogateescape"), "n": [1, None]}
    (frame,) = Frames().feed(said(HELLO, value))
    assert frame.value == value


def test_what_no_version_says_is_refused() -> None:
    with pytest.raises(Broken):
        Frames().feed(HEAD.pack(DATA, MAX_BODY + 1))
    (frame,) = Frames().feed(framed(HELLO, b"\xff{"))
    with pytest.raises(Broken):
        frame.value  # noqa: B018 - reading it is the point


def test_the_kernel_tells_who_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()
