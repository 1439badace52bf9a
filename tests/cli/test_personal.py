"""Which engine is talked to, and the start of a personal one: an engine that is a program beside the tests."""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_engine import processes_naming, wait_until

from config.paths import config_file
from engine.protocol.errors import Unreachable
from rcq_tui.client import personal, where, wire

FAKE = """
import http.server, os, socketserver, sys
with open({starts!r}, "a") as file:
    file.write(f"{{os.getpid()}} {{os.getsid(0)}}\\n")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'{{"status": "ok"}}')
    def address_string(self): return ""
    def log_message(self, *args): pass
path = sys.argv[sys.argv.index("--socket") + 1]
server = socketserver.UnixStreamServer(path + ".new", Handler)
os.rename(path + ".new", path)
server.serve_forever()
"""


@pytest.fixture
def starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Makes a small program the engine; gives the file where it notes each start. All of them are ended."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setattr(where, "SYSTEM_SOCKET", str(home / "no-system" / "rcq.sock"))
    noted, program = home / "starts", home / "engine.py"
    program.write_text(FAKE.format(starts=str(noted)))
    real = personal.engine_command

    def command(**places: Path) -> list[str]:
        python, *rest = real(**places)
        assert rest[:3] == ["-P", "-m", "engine.daemon"]
        return [python, str(program), *rest[3:]]

    monkeypatch.setattr(personal, "engine_command", command)
    yield noted
    for line in noted.read_text().splitlines() if noted.exists() else ():
        os.kill(int(line.split()[0]), signal.SIGKILL)


def test_the_environment_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCQ_SOCKET", "/somewhere/rcq.sock")
    assert where.find_socket() == "/somewhere/rcq.sock"


def test_then_the_machines_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = home / "system.sock"
    system.touch()
    monkeypatch.setattr(where, "SYSTEM_SOCKET", str(system))
    assert where.find_socket() == str(system)


def test_while_the_machines_engine_is_down_no_personal_one_is_started(
    starts: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = home / "run" / "rcq.sock"
    system.parent.mkdir()
    monkeypatch.setattr(where, "SYSTEM_SOCKET", str(system))
    with pytest.raises(Unreachable, match=r"engine is down.*systemctl status rcq-engine"):
        where.find_socket()
    assert not starts.exists()


def test_a_machines_engine_that_does_not_answer_is_systemds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = home / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    monkeypatch.setattr(wire, "SYSTEM_SOCKET", str(left))
    with pytest.raises(Unreachable, match=r"refused.*systemctl status rcq-engine"):
        wire.Wire(str(left)).request("GET", "/healthz")


def test_else_a_personal_one_is_started_once(starts: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: list[str] = []
    racers = [threading.Thread(target=lambda: found.append(where.find_socket())) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(20)
    assert found == [str(home / "rcq" / "rcq.sock")] * 4
    (line,) = starts.read_text().splitlines()
    pid, session = line.split()
    assert pid == session  # its own session: the end of the terminal is not its end
    assert capsys.readouterr().err.count("starting your personal engine") == 1


def test_it_is_where_the_settings_have_it(starts: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config_file()
    file.parent.mkdir(parents=True)
    file.write_text(f"\ufeff[engine]\nsocket = '~/own.sock'\nstate_dir = '{home}/own state'\n", encoding="utf-8")
    assert where.find_socket() == str(Path("~/own.sock").expanduser())
    assert f"its log: {home}/own state/engine.log" in capsys.readouterr().err
    assert where.find_socket() == str(Path("~/own.sock").expanduser())
    assert len(starts.read_text().splitlines()) == 1


@pytest.mark.parametrize("text", [b"[engine\n", b"\xff", b"engine = 3\n", b"[engine]\nsocket = 3\n"])
def test_settings_that_are_wrong_are_the_engines_to_complain_of(starts: Path, home: Path, text: bytes) -> None:
    file = config_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    assert where.find_socket() == str(home / "rcq" / "rcq.sock")


def test_an_engine_that_fails_says_why(starts: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('rcq: the database is damaged')"]
    monkeypatch.setattr(personal, "engine_command", lambda **places: failing)
    with pytest.raises(Unreachable, match=r"status 1.*engine.log ends with: rcq: the database is damaged"):
        where.find_socket()


def test_an_engine_that_dawdles_is_ended(starts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "engine_command", lambda **places: ["sleep", "987.6543"])
    monkeypatch.setattr(personal, "START_TIMEOUT_S", 0.2)
    with pytest.raises(Unreachable, match="has not come up"):
        where.find_socket()
    wait_until(lambda: not processes_naming("987.6543"))


def test_a_socket_path_that_is_too_long_is_told(starts: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = home / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(Unreachable, match="RCQ_SOCKET"):
        where.find_socket()


def test_settings_are_passed_on(home: Path) -> None:
    command = personal.engine_command(config=Path("/c"), socket=Path("/s"), state_dir=Path("/d"))
    assert json.dumps(command[1:]) == json.dumps(
        ["-P", "-m", "engine.daemon", "--socket", "/s", "--state-dir", "/d", "--config", "/c"]
    )
