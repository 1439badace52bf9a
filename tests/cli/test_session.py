"""Log-in and log-out, the token's file, passwords."""

import io
import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Request, Result, refusal

from engine.protocol.errors import Refused
from rcq_tui.client import token

Rcq = Callable[..., Result]
Spawn = Callable[..., "subprocess.Popen[bytes]"]

SESSION = {"token": "tok123", "account": "alice", "group": "vision", "role": "user", "expires_at": 1_000_000.0}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts text on standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def kept(home: Path) -> Path:
    return home / ".config" / "rcq" / "token"


def test_login_keeps_a_token_that_others_cannot_read(
    rcq: Rcq, engine: Engine, typed: Callable[[str], None], kept: Path
) -> None:
    engine.on("POST", "/v1/login", SESSION)
    typed("hunter2\n")
    result = rcq("login", "alice", "--password-stdin")
    assert result == Result(0, "logged in as alice (group vision, user) until 1970-01-12 13:46:40\n", "")
    assert engine.requests[0].json == {"name": "alice", "password": "hunter2"}
    assert "authorization" not in engine.requests[0].headers
    assert kept.read_text() == "tok123\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["token"]
    assert token.read() == "tok123"


def test_a_later_login_replaces_the_token(rcq: Rcq, engine: Engine, typed: Callable[[str], None], kept: Path) -> None:
    engine.on("POST", "/v1/login", SESSION, {**SESSION, "token": "tok456"})
    for _ in range(2):
        typed("x\n")
        assert rcq("login", "alice", "--password-stdin").code == 0
    assert kept.read_text() == "tok456\n"


def test_a_wrong_password_keeps_nothing(rcq: Rcq, engine: Engine, typed: Callable[[str], None], kept: Path) -> None:
    engine.on("POST", "/v1/login", (401, refusal("UNAUTHENTICATED", "wrong name or password")))
    typed("x\n")
    assert rcq("login", "alice", "--password-stdin") == Result(4, "", "rcq: wrong name or password\n")
    assert not kept.exists()


def test_login_as_json_keeps_nothing(rcq: Rcq, engine: Engine, typed: Callable[[str], None], kept: Path) -> None:
    engine.on("POST", "/v1/login", SESSION)
    typed("x\n")
    assert json.loads(rcq("login", "alice", "--password-stdin", "--json").out) == SESSION
    assert not kept.exists()


def test_an_empty_password_is_not_sent(rcq: Rcq, engine: Engine, typed: Callable[[str], None]) -> None:
    typed("\n")
    assert rcq("login", "alice", "--password-stdin").code == 2
    assert engine.requests == []


def test_without_a_terminal_nobody_is_asked(engine: Engine, spawn: Spawn) -> None:
    process = spawn("login", "alice", start_new_session=True)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, b"--password-stdin" in err) == (2, True)
    assert engine.requests == []


def test_on_a_terminal_the_password_is_asked_without_echo(engine: Engine, home: Path) -> None:
    engine.on("POST", "/v1/login", SESSION)
    child, ours = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "rcq_tui.cli.main", "login", "alice"])  # noqa: S606
    shown = b""
    while b"Password of alice: " not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, b"hunter2\n")
    while b"logged in" not in shown:
        shown += os.read(ours, 4096)
    assert os.waitpid(child, 0)[1] == 0
    os.close(ours)
    assert b"hunter2" not in shown
    assert engine.requests[0].json["password"] == "hunter2"


def test_a_one_time_password_is_changed_at_once_on_a_terminal(engine: Engine, home: Path) -> None:
    engine.on("POST", "/v1/login", {**SESSION, "must_change_password": True})
    engine.on("POST", "/v1/password", None)
    child, ours = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "rcq_tui.cli.main", "login", "alice"])  # noqa: S606
    shown = b""
    for prompt, answer in ((b"Password of alice: ", b"once\n"), (b"New password: ", b"mine\n"), (b"more: ", b"mine\n")):
        while prompt not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, answer)
    while b"password changed" not in shown:
        shown += os.read(ours, 4096)
    assert os.waitpid(child, 0)[1] == 0
    os.close(ours)
    assert engine.requests[1].json == {"old": "once", "new": "mine"}
    assert engine.requests[1].headers["authorization"] == "Bearer tok123"


def test_a_script_with_a_one_time_password_is_told_what_to_do(
    rcq: Rcq, engine: Engine, typed: Callable[[str], None], kept: Path
) -> None:
    engine.on("POST", "/v1/login", {**SESSION, "must_change_password": True})
    typed("once\n")
    result = rcq("login", "alice", "--password-stdin")
    assert (result.code, result.err) == (0, "rcq: this was a one-time password; set your own: rcq passwd\n")
    assert kept.read_text() == "tok123\n", "passwd needs it"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_token_open_to_others_is_refused(rcq: Rcq, engine: Engine, kept: Path, mode: int) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text("tok\n")
    kept.chmod(mode)
    result = rcq("queue")
    assert (result.code, "chmod 600" in result.err) == (4, True)
    assert engine.requests == []


@pytest.mark.parametrize("content", ["two words\n", "x\r\ny\n", "\x00\n", "ü\n"])
def test_a_token_that_would_change_the_request_is_refused(rcq: Rcq, engine: Engine, kept: Path, content: str) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    kept.chmod(0o600)
    assert rcq("queue").code == 4
    assert engine.requests == []


def test_a_fifo_in_the_tokens_place_does_not_hang(kept: Path) -> None:
    kept.parent.mkdir(parents=True)
    os.mkfifo(kept, 0o600)
    with pytest.raises(Refused, match="open to others"):
        token.read()


def test_the_environment_wins(rcq: Rcq, engine: Engine, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text("fromfile\n")
    kept.chmod(0o600)
    monkeypatch.setenv("RCQ_TOKEN", "fromenv")
    engine.on("GET", "/v1/me", {"account": "alice", "group": "g", "role": "user", "via": "token", "expires_at": 0.0})
    rcq("whoami")
    assert engine.requests[0].headers["authorization"] == "Bearer fromenv"


def test_whoami(rcq: Rcq, engine: Engine) -> None:
    me = {"account": "alice", "group": "vision", "role": "admin", "via": "peer", "expires_at": None}
    engine.on("GET", "/v1/me", me)
    assert rcq("whoami").out == "alice (group vision, admin), by your Unix user\n"
    assert json.loads(rcq("whoami", "--json").out) == me


@pytest.mark.parametrize(("read_only", "kind"), [(False, "API token"), (True, "read-only API token")])
def test_whoami_names_the_api_token(rcq: Rcq, engine: Engine, read_only: bool, kind: str) -> None:
    me = {"account": "alice", "group": "vision", "role": "user", "via": "token", "expires_at": 1_000_000.0}
    engine.on("GET", "/v1/me", {**me, "token": "ci", "read_only": read_only})
    assert rcq("whoami").out == f"alice (group vision, user), by the {kind} ci until 1970-01-12 13:46:40\n"


def test_whoami_tells_that_a_one_time_password_is_to_be_changed(rcq: Rcq, engine: Engine) -> None:
    me = {"account": "bob", "group": "vision", "role": "user", "via": "token", "expires_at": 1_000_000.0}
    engine.on("GET", "/v1/me", {**me, "must_change_password": True})
    assert rcq("whoami").err == "rcq: you came in with a one-time password; set your own: rcq passwd\n"


@pytest.mark.parametrize("answer", [None, (401, refusal("UNAUTHENTICATED", "expired"))])
def test_logout_forgets_the_token(rcq: Rcq, engine: Engine, kept: Path, answer: object) -> None:
    token.write("tok")
    engine.on("POST", "/v1/logout", answer)
    assert rcq("logout") == Result(0, "logged out\n", "")
    assert engine.requests[0].headers["authorization"] == "Bearer tok"
    assert not kept.exists()
    assert rcq("logout") == Result(0, "you were not logged in\n", "")


@pytest.mark.parametrize("refused", [(409, "INVALID_STATE"), (403, "FORBIDDEN")])
def test_logout_with_an_api_token_forgets_nothing(
    rcq: Rcq, engine: Engine, kept: Path, refused: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, code = refused
    token.write("tok")
    monkeypatch.setenv("RCQ_TOKEN", "rcq_api")
    engine.on("POST", "/v1/logout", (status, refusal(code, "this is an API token")))
    result = rcq("logout")
    assert (result.out, result.err) == ("", "rcq: this is an API token\n")
    assert result.code in (5, 7)
    assert kept.read_text() == "tok\n"


@pytest.mark.parametrize("given", ["ended", "no token"])
def test_logout_ends_the_session_in_the_file_too(
    rcq: Rcq, engine: Engine, kept: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token.write("tok")
    monkeypatch.setenv("RCQ_TOKEN", given)
    ended = []

    def answer(request: Request) -> object:
        ended.append(request.headers["authorization"])
        return None if ended[-1] == "Bearer tok" else (401, refusal("UNAUTHENTICATED", "x"))

    monkeypatch.setattr(engine, "answer", answer)
    assert rcq("logout") == Result(0, "logged out\n", "rcq: RCQ_TOKEN is still set in this shell; unset it\n")
    assert ended[-1] == "Bearer tok"
    assert not kept.exists()


def test_logout_without_an_engine_still_forgets(
    rcq: Rcq, home: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCQ_SOCKET", str(home / "none.sock"))
    token.write("tok")
    assert rcq("logout").code == 8
    assert not kept.exists()


def test_passwd(rcq: Rcq, engine: Engine, typed: Callable[[str], None]) -> None:
    engine.on("POST", "/v1/password", None)
    typed("old one\r\nnew one\n")
    assert rcq("passwd", "--password-stdin") == Result(0, "password changed\n", "")
    assert engine.requests[0].json == {"old": "old one", "new": "new one"}
