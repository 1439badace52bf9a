"""Tasks as a job's owner: what they do, run by a plain shell in place of the launcher."""

import io
import os
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from engine.executor import reading
from engine.executor.archive import Archive, Bounds, Extra
from engine.executor.launcherlink import Told
from engine.executor.reading import Place
from engine.executor.usertask import UserTasks


class Shell:
    """Runs what it is asked for at once, in `cwd`, as the test's own user."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd

    async def ask(self, request: Told, descriptors: Sequence[int]) -> Told:
        assert request["do"] == "task"
        script, output, errors = descriptors
        subprocess.run(["/bin/sh"], cwd=self.cwd, stdin=script, stdout=output, stderr=errors, check=True)  # noqa: ASYNC221
        return {}


def tasks(cwd: Path) -> UserTasks:
    return UserTasks(cast(Any, Shell(cwd)))


async def test_a_directory_is_emptied_and_nothing_else(tmp_path: Path) -> None:
    place, root = tmp_path / ".going-7", tmp_path / "root"
    (place / "deep" / "er").mkdir(parents=True)
    (place / "deep" / "er" / "file").write_text("x")
    root.mkdir()
    (root / "precious").write_text("x")
    (place / "link").symlink_to(root)
    (place / "deep").chmod(0o000)
    await tasks(root).remove(place, os.getuid())
    assert list(place.iterdir()) == []
    assert (root / "precious").exists()


async def test_who_may_not_enter_it_loses_nothing_elsewhere(tmp_path: Path) -> None:
    """The task starts in the root directory: what it may remove there is the person's home."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "precious").write_text("x")
    await tasks(root).remove(tmp_path / ".going-7", os.getuid())
    assert (root / "precious").exists()


async def test_what_a_reader_says_comes_through_its_descriptor(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "o'clock").write_text("noon")
    source, into = os.pipe()
    bounds = Bounds(most_files=10, most_bytes=1000)
    await tasks(tmp_path).read("ada", reading.command([Place(directory=tmp_path / "7", prefix="a b/")], bounds), into)
    os.close(into)
    archive = Archive(source, bounds, Extra())
    assert archive.found().files == 1
    found = zipfile.ZipFile(io.BytesIO(b"".join(archive.pieces())))
    archive.close()
    assert found.read("a b/o'clock") == b"noon"
