"""The engine's process: arguments, settings, the lock, start, signals, an orderly end. Jobs run on after it.

Must not know how any part does its work.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import uvloop

from config.load import SettingsError, load, load_if_there
from config.paths import Paths, PathsError, appliance, config_file, personal, prepare
from config.settings import Settings
from engine import descriptors
from engine.api.app import create_app
from engine.api.server import serve
from engine.core.lifecycle import TERMINAL, JobState
from engine.daemon.apibounds import bounds_of
from engine.daemon.commanddeeds import take_up
from engine.daemon.enginestart import note_start
from engine.daemon.failedlogins import TELL_S
from engine.daemon.lock import EngineLock
from engine.daemon.loglines import set_up
from engine.daemon.printable import printable
from engine.daemon.runtimes import REMEMBERED, TELLING
from engine.daemon.servicemanager import ServiceManager
from engine.daemon.timers import Timers
from engine.daemon.wiring import Engine, build
from engine.protocol.errors import RcqError
from engine.store.errors import DatabaseDamaged, DatabaseForeign, DatabaseTooNew

log = logging.getLogger("rcq")

PURGE_S = 3600.0
SETTLE_S = 3600.0
FIRST_SETTLE_S = 20.0
"""An engine that has just started has better to do."""
EXIT_FAILED, EXIT_USAGE = 1, 2
EXIT_DATA = 65
"""A database that only a person can put right: the unit file has it, so that nobody tries again every second."""

PRIVATE_SOCKET, PUBLIC_SOCKET = 0o600, 0o666
"""Modes of the API's socket: one's own engine, and the machine's, which knows people by the kernel or by a token."""

GC_THRESHOLDS = (10_000, 20, 250)
"""Python's own 700 would have the collector walk the queue all the time; each of these takes a few milliseconds."""

SWITCH_S = 0.001
"""The event loop waits so long at most for a thread that checks or writes lines of a file: Python's own 5 ms add up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run an engine until it is told to stop; its exit code."""
    given = _arguments(argv)
    set_up()
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # it warns of whatever strangers send, a line each time
    try:
        settings, paths = _settings(given)
        os.umask(0o077)
        prepare(paths)
        lock = EngineLock(paths.state_dir)
    except SettingsError as error:
        return _say(error, EXIT_USAGE)
    except (PathsError, RcqError, OSError) as error:
        return _say(error, EXIT_FAILED)
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    try:
        uvloop.run(run(settings, paths))
    except (DatabaseDamaged, DatabaseForeign, DatabaseTooNew) as error:
        return _say(error, EXIT_DATA)
    except (RcqError, OSError) as error:
        return _say(error, EXIT_FAILED)
    finally:
        lock.release()
    return 0


async def run(settings: Settings, paths: Paths) -> None:
    """One engine from start to end. Raises RcqError where it cannot start."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    engine = build(settings, paths)
    # Not before: building may wait for a driver that hangs, and ending there and then leaves nothing undone.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    timers = Timers()
    manager = ServiceManager()
    passing: asyncio.Task[None] | None = None
    beside: list[asyncio.Task[None]] = []
    try:
        # 1. what is known: people, usage, drained cards, first readings
        await load_books(engine)
        # 2. what an earlier engine left
        await take_up(paths.state_dir, engine.store.audit)
        await note_start(engine.store, settings, version("rcq"), engine.clock)
        await engine.executor.open(engine.runs.ended)
        await engine.recovery.run()
        await engine.executor.sweep(engine.books.expects)
        await engine.minders.recover()
        gc.freeze()  # what was just read lives long: no collection needs to look at a million jobs again
        # 3. from here on, time and events drive it
        passing = asyncio.create_task(engine.passes.run(), name="passes")
        _set_timers(engine, timers, paths.state_dir)
        beside.append(asyncio.create_task(engine.clock_watch.run(), name="clock"))
        beside.append(asyncio.create_task(engine.figures.about_engine.lag.run(), name="loop lag"))
        beside.append(asyncio.create_task(engine.notifying.run(), name="notifications"))
        beside += engine.metering.begin()
        engine.passes.wake()
        # 4. people may come
        app = create_app(engine.backend, bounds_of(settings.api, descriptors.raise_limit()))
        told = manager.keep_told(lambda: _is_fit(engine), lambda: _status(engine))
        beside.append(asyncio.create_task(told, name="service manager"))

        def listening() -> None:
            manager.ready()
            log.info("Listening on %s.", paths.socket)

        mode = PUBLIC_SOCKET if paths.system else PRIVATE_SOCKET
        await serve(app, paths.socket, listening, mode=mode, stop=stop)
    finally:
        manager.stopping()
        for task in beside:
            task.cancel()
        await _end(engine, timers, passing)


async def load_books(engine: Engine) -> None:
    """Fill the books with what the store holds besides unended jobs, and with a first sample."""
    await engine.register.load()
    await engine.notifying.load()
    await engine.bills.load(engine.store.usage)
    await engine.measures.load(engine.store.measures)
    await engine.series.load(engine.store.series)
    if engine.books.run_times.learns:
        runs = await engine.store.past_runs.last(REMEMBERED, TELLING)
        await asyncio.to_thread(engine.books.run_times.fill, runs)  # nobody else uses them yet
    flags = await engine.store.gpus.all()
    engine.books.cards.flags = {uuid: flag for uuid, flag in flags.items() if flag.drained}
    engine.books.cards.drained = set(engine.books.cards.flags)
    await engine.minders.load()
    await engine.slots.load()
    await engine.housekeeping.open()
    counts = await engine.store.jobs.counts_by_state()
    engine.books.finished.update({state: count for state, count in counts.items() if state in TERMINAL})
    await engine.host.look()
    await engine.sampler.sample()


def _set_timers(engine: Engine, timers: Timers, state_dir: Path) -> None:
    async def wake() -> None:
        engine.passes.wake()

    async def due() -> None:
        engine.gatekeeper.due()

    timers.every(engine.settings.engine.pass_interval_s, "pass", wake)
    timers.every(engine.settings.engine.sample_interval_s, "sample", engine.sampler.sample)
    timers.every(engine.settings.engine.sample_interval_s, "host", engine.host.look)
    timers.every(SETTLE_S, "settle usage by day", engine.figures.settle)
    timers.at(engine.clock.now() + FIRST_SETTLE_S, "settle usage by day, first", engine.figures.settle)
    engine.figures.about_engine.timers = timers.due
    timers.every(engine.settings.engine.pass_interval_s, "try the disk", engine.store.try_again)
    timers.every(PURGE_S, "purge sessions", engine.logins.purge)
    timers.every(TELL_S, "tell of failed log-ins", engine.logins.failures.tell)
    timers.every(TELL_S, "take up commands' deeds", partial(take_up, state_dir, engine.store.audit))
    timers.every(PURGE_S, "prune decisions", engine.decisions.prune)
    engine.housekeeping.set_timers(timers)
    engine.notifying.set_timers(timers, engine.settings.engine.pass_interval_s)
    engine.slots.arm = lambda when: timers.at(when, "reservation edge", engine.slots.edge)
    engine.slots.arm_next()
    engine.gatekeeper.alarm = lambda when: timers.at(when, "gate", due)
    engine.gatekeeper.due()
    timers.start()

    def clock_set(_by_s: float) -> None:
        timers.clock_set()
        engine.slots.arm_next()
        engine.gatekeeper.due()

    engine.clock_watch.steps.append(clock_set)


def _is_fit(engine: Engine) -> bool:
    """Whether passes are tried. That each of them fails, on a full disk, is nothing that a restart would mend."""
    settings = engine.settings.engine
    return engine.passes.untried_s() < max(settings.stall_after_s, 3 * settings.pass_interval_s)


def _status(engine: Engine) -> str:
    """In one line what the engine does."""
    if engine.trouble is not None:
        return f"In trouble: {engine.trouble}"
    counts = engine.books.counts()
    running = counts[JobState.RUNNING] + counts[JobState.SCHEDULED]
    return f"{running} jobs run, {counts[JobState.PENDING]} wait."


async def _end(engine: Engine, timers: Timers, passing: asyncio.Task[None] | None) -> None:
    """Stop deciding, let starts settle, write down what is known, let go."""
    timers.stop()
    engine.feed.close()
    if passing is not None:
        engine.passes.stop()
        await passing
    await engine.runs.settle()
    await engine.recovery.close()
    await engine.minders.close()
    await engine.logins.failures.tell()
    await engine.housekeeping.close()
    await engine.executor.close()
    if passing is not None:
        engine.measures.write(engine.clock.now())
        engine.series.write()
        await engine.passes.flush()
        await engine.notifying.close()
    await engine.store.close()
    engine.provider.close()
    log.info("Stopped. Jobs run on.")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rcq engine", description="The scheduler's daemon, in the foreground.")
    parser.add_argument("--system", action="store_true", help="serve the whole machine, from its fixed places")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (rcq.toml)")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the Unix socket that people talk to")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where the database and the job files are")
    return parser.parse_args(argv)


def _settings(given: argparse.Namespace) -> tuple[Settings, Paths]:
    named = given.config or (config_file() if os.environ.get("RCQ_CONFIG") else None)
    settings = load(named) if named else load_if_there(config_file(appliance=given.system))
    places = appliance if given.system else personal
    paths = places(state_dir=settings.engine.state_dir, socket=settings.engine.socket)
    return settings, paths.moved(state_dir=given.state_dir, socket=given.socket)


def _say(error: Exception, code: int) -> int:
    told = "\n".join(map(printable, str(error).split("\n")))
    print(f"rcq engine: {told}", file=sys.stderr)  # noqa: T201 - the log may go elsewhere, this is for who started it
    return code
