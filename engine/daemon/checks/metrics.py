"""The check of metrics: where they are to be read something answers, and it is an engine. Nothing is changed.

Must not know what the figures are.
"""

import http.client
import socket
from pathlib import Path

from engine.daemon.checks.finding import Finding, Host, is_there, unseen

PATIENCE_S = 5.0
SIGN = b"rcq_build_info"
HEAD_BYTES = 4096
LOOK = "Look at the engine's log; it tries again every half minute."
PORT = ("127.0.0.1", 9838)
"""Of rcq-metrics.socket, as it is shipped."""


def metrics(host: Host) -> Finding:
    """Whoever is to read them can."""
    settings = host.settings.metrics if host.settings else None
    if settings is None:
        return Finding(state="skip", found="it is not known where they are read", mend="See the line on settings.")
    wrong = _mapping(settings.job_mapping_dir)
    if wrong is not None or settings.place is None:
        return wrong or Finding(state="ok", found="on the engine's socket alone")
    if host.system and not isinstance(settings.place, Path):
        mend = (
            'Set metrics.listen to "/run/rcq/metrics.sock": systemctl enable --now rcq-metrics.socket opens the port.'
        )
        return Finding(state="fail", found=f"the engine's unit has no network for {settings.listen}", mend=mend)
    if host.paths is None or not is_there(host.paths.socket):
        return Finding(state="skip", found="no engine is running", mend="See the line on the socket.")
    return _guarded(settings.place, settings.token_file)


def _guarded(place: tuple[str, int] | Path, token: Path | None) -> Finding:
    """Ask with the token, if there is one."""
    try:
        bearer = None if token is None else token.read_text(encoding="utf-8").strip()
    except PermissionError:
        return unseen(str(token))
    except (OSError, UnicodeDecodeError) as error:
        return Finding(state="fail", found=f"{token}: {error}", mend="Write a token into it (openssl rand -hex 32).")
    return _asked(place, bearer)


def _asked(place: tuple[str, int] | Path, bearer: str | None) -> Finding:
    shown = str(place) if isinstance(place, Path) else f"{place[0]}:{place[1]}"
    try:
        status, text = _answer(place, bearer)
    except (OSError, http.client.HTTPException) as error:
        return Finding(state="warn", found=f"{shown}: nobody answers ({error})", mend=LOOK)
    if status == http.HTTPStatus.UNAUTHORIZED:
        return Finding(state="warn", found=f"{shown}: the token is not the one that the engine started with", mend=LOOK)
    if SIGN not in text:
        mend = "Another program has the place: set metrics.listen to another one."
        return Finding(state="warn", found=f"{shown}: what answers is no rcq (status {status})", mend=mend)
    return Finding(state="ok", found=f"{shown}: read")


def _answer(place: tuple[str, int] | Path, bearer: str | None) -> tuple[int, bytes]:
    """Status and beginning. Raises OSError, HTTPException."""
    line = _Line(place)
    try:
        line.request("GET", "/metrics", headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"})
        answer = line.getresponse()
        return answer.status, answer.read(HEAD_BYTES)
    finally:
        line.close()


class _Line(http.client.HTTPConnection):
    """To an address, or to a Unix socket."""

    def __init__(self, place: tuple[str, int] | Path) -> None:
        host, port = PORT if isinstance(place, Path) else place
        super().__init__(host, port, timeout=PATIENCE_S)
        self._path = place if isinstance(place, Path) else None

    def connect(self) -> None:
        """Open it. Raises OSError."""
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


def _mapping(directory: Path | None) -> Finding | None:
    """What is wrong with the directory for dcgm-exporter, if anything can be seen."""
    mend = "Set metrics.job_mapping_dir to a directory, or to a name in one: the engine makes no more than that itself."
    if directory is None:
        return None
    if is_there(directory) and not directory.is_dir():
        return Finding(state="fail", found=f"{directory} is no directory", mend=mend)
    if not is_there(directory) and not directory.parent.is_dir():
        return Finding(state="fail", found=f"{directory.parent} is no directory", mend=mend)
    return None
