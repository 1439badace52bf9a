"""The lock and the timers: one engine for each directory, and timers that never drop a run silently."""

import asyncio
import errno
from datetime import UTC, datetime, timedelta

import pytest

from config.paths import personal, prepare
from config.settings import ExecutorSettings, GpuSettings, Settings
from engine.daemon import lock, main
from engine.daemon.lock import EngineLock, EngineRuns
from engine.daemon.timers import Timers
from engine.daemon.wiring import EXECUTORS, build


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


async def test_the_settings_name_the_executor(monkeypatch, tmp_path, hands):
    named = hands()
    monkeypatch.setitem(EXECUTORS, "process", lambda paths, settings: named)
    paths = personal({"HOME": str(tmp_path)}, state_dir=tmp_path / "state", socket=tmp_path / "s")
    prepare(paths)
    engine = build(Settings(gpu=GpuSettings(provider="none"), executor=ExecutorSettings(kind="process")), paths)
    await engine.store.close()
    assert engine.executor is named


def test_settings_that_were_named_must_be_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RCQ_CONFIG", str(tmp_path / "slip.toml"))
    elsewhere = ["--state-dir", str(tmp_path / "state"), "--socket", str(tmp_path / "s")]
    monkeypatch.setattr(main, "run", None)
    assert main.main(elsewhere) == main.EXIT_USAGE
    assert "slip.toml: cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
