"""Running Slurm's commands: in bounded time, in an environment of their own; one look for all who ask."""

import asyncio
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.slurm.commands import Commands, Finished, environment, run_now
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.watch import Look, Watch
from tests.contract.executor_sides import until


def program(folder: Path, name: str, lines: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


class Told:
    """A runner that answers with numbered jobs, once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = asyncio.Event()

    async def run(
        self, argv: Sequence[str], *, stdin: bytes, user: str | None, environment: Mapping[str, str], timeout_s: float
    ) -> Finished:
        self.asked += 1
        number = self.asked
        await self.may.wait()
        return Finished(0, json.dumps({"jobs": [{"job_id": number, "job_state": "PENDING"}]}).encode(), b"")


async def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    program(tmp_path, "sbatch", f"sleep 300 & echo $! >{tmp_path}/pid; wait")
    with pytest.raises(SlurmAway, match="did not end within"):
        await Commands(bin_dir=str(tmp_path), timeout_s=0.3).run("sbatch")
    with pytest.raises(SlurmAway):
        run_now([str(tmp_path / "sbatch")], timeout_s=0.3)
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not _lives(pid), 5.0)


async def test_what_a_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBATCH_PARTITION", "secret")
    program(tmp_path, "env", "/usr/bin/env; cat; pwd")
    printed = await Commands(bin_dir=str(tmp_path), conf="/x/slurm.conf").run("env", stdin=b"script\n")
    assert {"SLURM_CONF=/x/slurm.conf", "TZ=UTC", "LC_ALL=C", "script", "/"} <= set(printed.splitlines())
    assert "SBATCH" not in printed
    assert set(environment("/x")) == {"PATH", "LC_ALL", "TZ", "SLURM_TIME_FORMAT", "SLURM_CONF"}


async def test_what_it_says_becomes_the_error(tmp_path: Path) -> None:
    program(tmp_path, "sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1")
    with pytest.raises(SlurmRefused, match=r"^invalid partition specified: x$"):
        await Commands(bin_dir=str(tmp_path)).run("sbatch")
    with pytest.raises(SlurmAway, match="cannot be run"):
        await Commands(bin_dir=str(tmp_path)).run("squeue")
    with pytest.raises(SlurmRefused, match="no Unix user"):
        await Commands(bin_dir=str(tmp_path)).run("sbatch", user="no-such-user-here")


async def test_all_who_ask_at_once_share_a_look() -> None:
    told = Told()
    watch = Watch(Commands(told))
    first = asyncio.create_task(watch.jobs(60.0))
    await until(lambda: told.asked == 1)
    beside, fresh = asyncio.create_task(watch.jobs(60.0)), asyncio.create_task(watch.jobs(0.0))
    told.may.set()
    looks = [[job.id for job in await one] for one in (first, beside, fresh)]
    assert looks == [[1], [1], [2]], "who wants what is true now does not take what was begun before"
    assert (told.asked, [job.id for job in watch.last_jobs()]) == (2, [2])
    assert [job.id for job in await watch.jobs(60.0)] == [2]


async def test_a_look_is_as_old_as_its_begin() -> None:
    seconds, told = 100.0, Told()
    told.may.set()
    watch = Watch(Commands(told), lambda: seconds)
    assert watch.age_s() == math.inf
    await watch.look(0.0)
    seconds = 107.0
    assert watch.age_s() == 7.0


async def test_what_slurm_was_just_told_is_seen_where_a_look_costs_little() -> None:
    seconds, told = 100.0, Told()
    told.may.set()
    watch = Watch(Commands(told), lambda: seconds)
    await watch.look(0.0)
    seconds = 100.1
    watch.outdate()
    seconds = 100.2
    assert (await watch.look(60.0)).began == 100.2
    assert (await watch.look(60.0)).began == 100.2, "one look is enough"
    watch.last = Look(jobs=(), began=100.2, ended=103.0, cost_s=2.8)
    seconds = 103.1
    watch.outdate()
    assert (await watch.look(60.0)).began == 100.2, "a long one is made no sooner"


async def test_after_looks_that_take_long_there_is_a_rest_and_none_after_one_that_waited_for_a_controller() -> None:
    clock = [100.0]

    class Slow(Told):
        takes_s = 0.1

        async def run(self, *told, **more) -> Finished:
            clock[0] += self.takes_s
            return await super().run(*told, **more)

    told = Slow()
    told.may.set()
    watch = Watch(Commands(told), lambda: clock[0])
    await watch.look(0.5)
    told.takes_s, clock[0] = 8.0, 101.0
    await watch.look(0.5)
    clock[0] += 1.0
    assert (await watch.look(0.5)).began == 110.0, "one long look alone is no rule"
    clock[0] += 1.0
    assert (await watch.look(0.5)).began == 110.0
    clock[0] += 32.0
    assert (await watch.look(0.5)).began == 151.0


async def test_slurm_away_is_told_to_all_and_remembered(tmp_path: Path) -> None:
    program(tmp_path, "squeue", """echo '{"jobs": [], "errors": [{"error": "Unspecified error"}]}'""")
    watch = Watch(Commands(bin_dir=str(tmp_path)))
    for found in await asyncio.gather(watch.jobs(0.0), watch.jobs(0.0), return_exceptions=True):
        assert isinstance(found, SlurmAway)
    assert (watch.away_since is not None, watch.last) == (True, None)
    program(tmp_path, "squeue", """echo '{"jobs": [], "errors": []}'""")
    assert await watch.jobs(0.0) == ()
    assert (watch.away_since, watch.error) == (None, None)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def test_the_test_sees_what_lives() -> None:
    assert _lives(os.getpid())
