"""Originals of staged files are open to their owner while any of the owner's jobs reads them."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from engine.daemon import placing
from engine.executor import staged
from engine.executor.environment import Person
from engine.protocol.fields import JobFields, StagedFile

UPLOAD = "a" * 32
PATIENCE_S = 0.2
"""How long somebody who must wait is given to come too early."""


class Tasks:
    """Says at once that all is placed."""

    async def place(self, job: str, user: str, argv: Sequence[str], out: int) -> None:
        os.write(out, b"placed\n")


async def test_one_that_begins_while_another_has_just_ended_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []
    opened, closing, go_on = Event(), Event(), Event()

    def open_to(sources: Sequence[str], uid: int) -> None:
        did.append("opened")
        if closing.is_set():
            opened.set()

    def close_again(sources: Sequence[str]) -> None:
        if sources:
            closing.set()
            go_on.wait(10)
            did.append("closed")

    monkeypatch.setattr(placing, "_open_to", open_to)
    monkeypatch.setattr(placing, "_close_again", close_again)
    staged.folder(tmp_path)
    (tmp_path / "staged" / UPLOAD).touch()
    tasks: Any = Tasks()
    place = placing.Placing(state_dir=tmp_path, tasks=tasks, reserve_bytes=0)
    fields = JobFields(command=["true"], files=[StagedFile(name="in", upload=UPLOAD)])
    person = Person(name="ann", home="/", shell="/bin/sh", path="/bin", language="C", uid=1000)  # noqa: S604 - a path

    def one(job: str) -> Any:
        live: Any = SimpleNamespace(job=job, attempt=1, stopping=None)
        return asyncio.create_task(place.place(live, fields, tmp_path, person))

    first = one("1")
    assert await in_thread(closing.wait)
    second = one("2")
    await in_thread(lambda: opened.wait(PATIENCE_S))
    go_on.set()
    await asyncio.gather(first, second)
    assert did == ["opened", "closed", "opened", "closed"]


async def in_thread(wait: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(wait)
