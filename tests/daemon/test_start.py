"""The lock and the timers: one engine for each directory, and timers that never drop a run silently."""

import asyncio
import errno
from datetime import UTC, datetime, timedelta

import pytest

from config.paths import personal, prepare
from config.settings import ExecutorSettings, GpuSettings, Settings
from engine.bookkeeping import NewJob, Scheduled
from engine.core.snapshot import CLUSTER, Lease
from engine.daemon import lock, main
from engine.daemon.executors import home_of, slurm_of
from engine.daemon.lock import EngineLock, EngineRuns
from engine.daemon.timers import Timers
from engine.daemon.wiring import build
from engine.executor.placed import PlacedExecutor
from engine.executor.process import ProcessExecutor
from engine.executor.slurm.executor import SlurmExecutor
from engine.protocol.errors import RcqError
from engine.protocol.fields import JobFields
from engine.store.store import Store


def test_one_engine_for_each_state_directory(tmp_path):
    held = EngineLock(tmp_path)
    with pytest.raises(EngineRuns, match=rf"pid \d+.*{tmp_path}"):
        EngineLock(tmp_path)
    held.release()
    EngineLock(tmp_path).release()


def test_a_state_directory_that_takes_no_writes_is_told_in_words(tmp_path, capsys):
    (tmp_path / "state" / "engine.lock").mkdir(parents=True)
    assert main.main(["--state-dir", str(tmp_path / "state"), "--socket", str(tmp_path / "s")]) == 1
    told = capsys.readouterr().err
    assert "engine.lock cannot be written to: Is a directory. Nothing was changed." in told
    assert "Errno" not in told


def test_a_full_disk_is_no_reason_not_to_start(tmp_path, monkeypatch):
    def full(*_words):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock.os, "pwrite", full)
    held = EngineLock(tmp_path)
    with pytest.raises(EngineRuns):
        EngineLock(tmp_path)
    held.release()


async def test_a_timer_calls_again_and_again_until_it_is_stopped(until):
    timers, calls = Timers(), []

    async def call():
        calls.append(1)

    timers.every(0.01, "call", call)
    timers.start()
    await until(lambda: len(calls) >= 3)
    timers.stop()
    timers.stop()


async def test_a_run_that_is_far_too_late_still_comes_and_once(until):
    timers, calls = Timers(), []

    async def call():
        calls.append(1)

    timers.every(3600, "call", call)
    timers._scheduler.modify_job("call", next_run_time=datetime.now(UTC) - timedelta(hours=30))
    timers.start()
    await until(lambda: len(calls) == 1)
    await asyncio.sleep(0)
    assert len(calls) == 1
    timers.stop()


async def made(tmp_path, **executor):
    """An engine by these settings, closed again."""
    paths = personal({"HOME": str(tmp_path)}, state_dir=tmp_path / "state", socket=tmp_path / "s")
    prepare(paths)
    engine = build(Settings(gpu=GpuSettings(provider="none"), executor=ExecutorSettings(**executor)), paths)
    engine.provider.close()
    await engine.store.close()
    return engine


async def test_the_settings_name_the_executor(tmp_path):
    engine = await made(tmp_path, kind="process")
    assert isinstance(engine.executor, ProcessExecutor)
    assert engine.books.capacity is None


@pytest.mark.parametrize(("named", "alone"), [({"kind": "slurm"}, True), ({"overflow": "slurm"}, False)])
async def test_with_a_cluster_an_engine_runs_jobs_there_and_here(tmp_path, named, alone):
    engine = await made(tmp_path, **named)
    assert isinstance(engine.executor, PlacedExecutor)
    assert isinstance(home_of(engine.executor), ProcessExecutor)
    assert isinstance(slurm_of(engine.executor), SlurmExecutor)
    assert engine.books.capacity.alone is alone


async def test_what_is_left_on_a_cluster_is_followed_after_the_settings_name_none(tmp_path, key):
    engine = await made(tmp_path, kind="slurm")
    store = Store.open(engine.store.readers.path, half_life_s=1.0)
    (job,) = await store.jobs.add([NewJob(fields=JobFields(command=["true"]), key=key(), submitted_at=1.0)])
    lease = Lease(job=job, key=key(), gpus=(), started_at=1.0, expected_end=2.0, place=CLUSTER)
    await store.jobs.record([Scheduled(lease=lease, attempt=1, boot_id="b")])
    await store.close()
    engine = await made(tmp_path, kind="process")
    assert isinstance(slurm_of(engine.executor), SlurmExecutor)
    assert engine.books.capacity is None  # nothing more is sent there


async def test_names_in_slurm_that_are_lost_keep_the_engine_from_starting(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "slurm-instance").write_text("nonsense")
    with pytest.raises(RcqError, match="restore it from a backup"):
        await made(tmp_path, kind="slurm")


def test_settings_that_were_named_must_be_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RCQ_CONFIG", str(tmp_path / "slip.toml"))
    elsewhere = ["--state-dir", str(tmp_path / "state"), "--socket", str(tmp_path / "s")]
    monkeypatch.setattr(main, "run", None)
    assert main.main(elsewhere) == main.EXIT_USAGE
    assert "slip.toml: cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
