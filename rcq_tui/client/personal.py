"""Starts a personal engine when a command needs one and none runs.

The engine is another program: it is run, never imported. Must not know commands.
"""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from config.paths import Paths, PathsError, config_file, personal, prepare
from engine.protocol.errors import RcqError, Unreachable
from rcq_tui.client.where import answers
from rcq_tui.client.wire import Wire

if TYPE_CHECKING:
    import subprocess

START_TIMEOUT_S = 15.0
_POLL_S = 0.05


def running_socket() -> str:
    """The socket of the personal engine, which is started unless it runs. Raises Unreachable.

    Of several commands that find none, one starts it and the others wait for it.
    """
    paths = places()
    if answers(str(paths.socket)):
        return str(paths.socket)
    import fcntl  # noqa: PLC0415  most commands find it running

    try:
        prepare(paths)
    except PathsError as error:
        raise Unreachable(str(error)) from error
    with (paths.state_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answers(str(paths.socket)):
            _start(paths)
    return str(paths.socket)


def places() -> Paths:
    """Where the personal engine is, whether it runs or not. Raises Unreachable where there is no place for one."""
    try:
        named = _named_places()
        return personal(state_dir=named.get("state_dir"), socket=named.get("socket"))
    except PathsError as error:
        raise Unreachable(str(error)) from error


def _named_places() -> dict[str, Path]:
    """Where the settings have the engine. What is wrong with them the engine itself tells at its start."""
    try:
        text = config_file().read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    import tomllib  # noqa: PLC0415  only those with settings of their own pay for it

    try:
        engine = tomllib.loads(text).get("engine")
    except tomllib.TOMLDecodeError:
        return {}
    places = {name: engine.get(name) for name in ("state_dir", "socket")} if isinstance(engine, dict) else {}
    return {name: Path(place) for name, place in places.items() if isinstance(place, str)}


def engine_command(*, config: Path | None, socket: Path, state_dir: Path) -> list[str]:
    """The command line that runs an engine. -P: a folder named `engine` where the user stands is not ours."""
    command = [sys.executable, "-P", "-m", "engine.daemon", "--socket", str(socket), "--state-dir", str(state_dir)]
    return command if config is None else [*command, "--config", str(config)]


def wait_until_ready(engine: "subprocess.Popen[bytes]", socket: Path, log: Path, timeout_s: float) -> None:
    """Return when the engine says that it is fit. Raises Unreachable with the end of its log if it ends or dawdles."""
    deadline = time.monotonic() + timeout_s
    while not _is_fit(str(socket)):
        if engine.poll() is not None:
            raise Unreachable(f"the engine ended at its start (status {engine.returncode}). {_last_words(log)}")
        if time.monotonic() > deadline:
            raise Unreachable(f"the engine has not come up within {timeout_s:.0f} s. {_last_words(log)}")
        time.sleep(_POLL_S)


def _start(paths: Paths) -> None:
    import subprocess  # noqa: PLC0415  most commands find one running

    log = paths.state_dir / "engine.log"
    config = paths.config_file if paths.config_file.exists() or os.environ.get("RCQ_CONFIG") else None
    command = engine_command(config=config, socket=paths.socket, state_dir=paths.state_dir)
    with log.open("ab") as output:
        engine = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    sys.stderr.write(f"rcq: starting your personal engine (its log: {log})\n")
    try:
        wait_until_ready(engine, paths.socket, log, START_TIMEOUT_S)
    except Unreachable:
        engine.terminate()
        raise
    engine.returncode = 0  # it runs on by design: no warning about a child that was not waited for


def _is_fit(path: str) -> bool:
    try:
        return bool(Wire(path, timeout_s=2.0).request("GET", "/healthz")["status"] == "ok")
    except RcqError:
        return False


def _last_words(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()][-3:]
    return f"Its log {log} ends with: {' / '.join(said)}" if said else f"Its log {log} is empty."
