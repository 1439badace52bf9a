"""Whether Slurm hides people's jobs from who asks, and whether who asks reaches it at all."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.slurm import privacy
from engine.slurm.commands import Commands, Finished
from engine.slurm.errors import SHUT_IN, SlurmAway
from engine.slurm.privacy import Sight

SHOWN = "Configuration data as of 2026-11-23T03:12:00\nPriorityType = priority/basic\nPrivateData             = {}\n"
SHUT = """
class Shut(kept):
    def __init__(self, family=socket.AF_UNIX, *words, **named):
        if family in (socket.AF_INET, socket.AF_INET6):
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, *words, **named)
socket.socket = Shut
"""


class Slurm:
    """Says what is private and what level the user has; `asked` are the programs that were run."""

    def __init__(self, private: str, level: Finished) -> None:
        self.private = private
        self.level = level
        self.asked: list[str] = []

    async def run(self, argv: Sequence[str], **told: Any) -> Finished:
        self.asked.append(argv[0])
        return self.level if argv[0] == "sacctmgr" else Finished(0, SHOWN.format(self.private).encode(), b"")


NO_ACCOUNTING = Finished(1, b"", b"You are not running a supported accounting_storage plugin\n")


def level(word: str) -> Finished:
    return Finished(0, f"{word}\n".encode(), b"")


async def test_an_open_slurm_is_asked_once_in_a_while() -> None:
    now = 0.0
    slurm = Slurm("none", NO_ACCOUNTING)
    sight = Sight(Commands(slurm), "rcq", lambda: now)
    await sight.sure()
    await sight.sure()
    assert slurm.asked == ["scontrol"]
    now, slurm.private = privacy.HOLDS_S + 1, "accounts,jobs"
    for _ in range(2):
        with pytest.raises(SlurmAway, match="add user rcq account=root adminlevel=operator"):
            await sight.sure()
    assert slurm.asked == ["scontrol", *["scontrol", "sacctmgr"] * 2], "what is wrong is asked again at once"


@pytest.mark.parametrize("answer", [level("None"), level(""), NO_ACCOUNTING])
async def test_hidden_from_who_is_no_operator(answer: Finished) -> None:
    with pytest.raises(SlurmAway, match="hides people's jobs from rcq"):
        await Sight(Commands(Slurm("jobs", answer)), "rcq").sure()


@pytest.mark.parametrize("word", ["Operator", "Administrator"])
async def test_operators_see_all(word: str) -> None:
    await Sight(Commands(Slurm("jobs,usage", level(word))), "rcq").sure()


async def test_what_else_is_private_hides_no_jobs() -> None:
    await Sight(Commands(Slurm("accounts,events,nodes", NO_ACCOUNTING)), "rcq").sure()


async def test_a_slurm_that_does_not_answer_is_away() -> None:
    class Away:
        async def run(self, argv: Sequence[str], **told: Any) -> Finished:
            return Finished(1, b"", b"scontrol: error: Invalid something\n")

    with pytest.raises(SlurmAway, match="scontrol show config"):
        await Sight(Commands(Away()), "rcq").sure()


def test_an_engine_without_a_network_says_at_once_what_an_admin_can_do(tmp_path: Path) -> None:
    """Slurm's own commands would try ten times, and some of them say nothing then."""
    ran = tmp_path / "ran"
    script = tmp_path / "squeue"
    script.write_text(f"#!/bin/sh\n: >{ran}\n")
    script.chmod(0o755)
    asks = (
        "import asyncio\n"
        "from engine.slurm.commands import Commands\n"
        "from engine.slurm.errors import SlurmAway\n"
        f"commands = Commands(bin_dir={str(tmp_path)!r})\n"
        "for ask in (lambda: asyncio.run(commands.run('squeue')), lambda: commands.run_now('squeue')):\n"
        "    try:\n"
        "        ask()\n"
        "    except SlurmAway as away:\n"
        "        print(away)\n"
    )
    shut = "import socket, errno\nkept = socket.socket\n" + SHUT + asks
    told = subprocess.run([sys.executable, "-c", shut], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{script}: {SHUT_IN}"] * 2
    assert not ran.exists()
    subprocess.run([sys.executable, "-c", asks], check=True)
    assert ran.exists()
