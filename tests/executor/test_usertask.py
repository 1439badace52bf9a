"""Tasks as a job's owner: what they do, run by a plain shell in place of the launcher."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from engine.executor.launcherlink import Told
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
