"""`rcq web`: who gets in, who does not, and what is left when a browser goes."""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse"
ME = pwd.getpwuid(os.getuid()).pw_name


async def until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  another process's end sends no event
            await asyncio.sleep(0.02)


async def test_a_browser_logs_in_sees_cards_and_leaves_nothing_behind(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    async with site.browser() as browser:
        await browser.logs_in("root", PASSWORD)
        await browser.sees("°C")
        assert len(site.sessions()) == 1
    await until(lambda: not site.sessions())
    done = [one["action"] for one in engine.log_in("root").get("/v1/audit", limit=20)["items"]]
    assert "logout" in done, "nobody else has its token: the session ends with its browser"


async def test_whoever_started_it_is_nobody_in_a_browser(launch: Any, serve: Any, tmp_path: Path) -> None:
    engine = launch(SETTINGS)
    admin = engine.admin()
    admin.post("/v1/accounts", {"name": "ann", "group": "ops", "password": PASSWORD})
    answer = admin.ask("PATCH", "/v1/accounts/ann", json={"unix_user": ME})
    assert answer.status_code == 200, answer.text
    by_socket = type(admin)(engine.socket)
    assert by_socket.get("/v1/me")["account"] == "ann", "without a token the engine knows this Unix user"
    kept = tmp_path / "home" / "rcq" / "token"
    kept.parent.mkdir(parents=True)
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    kept.write_text(token)
    kept.chmod(0o600)
    site = serve(engine, RCQ_TOKEN=token)
    async with site.browser() as browser:
        await browser.sees("Password")
        await browser.types("ann\rwrong\r")
        await browser.sees("Wrong name or password")
        assert "°C" not in browser.words
    assert kept.read_text() == token
    async with site.browser() as browser:
        await browser.logs_in("root", PASSWORD)
        await browser.sees("°C")
        await browser.types("L")
        await browser.sees("Log in")
        assert by_socket.get("/v1/me")["account"] == "ann"
        await browser.types("ann\rwrong\r")
        await browser.sees("Wrong name or password")
        assert "°C" not in browser.words
    assert kept.read_text() == token, "a log-in and a log-out in a browser leave the file alone"


SETTINGS = """
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 2
[auth]
bcrypt_rounds = 4
peer = true
"""


async def test_pages_of_others_open_no_session(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    port = site.host.rpartition(":")[2]
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{port}"},
        {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with site.browser(**headers):
                pass
        assert refused.value.status == 403, headers
    assert site.sessions() == []
    async with aiohttp.ClientSession() as http:
        async with http.get(site.url, headers={"Host": f"evil.example:{port}"}) as answer:
            assert answer.status == 403
        async with http.get(site.url, headers={"Host": "localhost:9000"}) as answer:
            assert answer.status == 200, "a tunnel may begin at another port"
            assert "ws://localhost:9000/ws" in await answer.text()
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'none'" in policy
        for path in ("/download/x", "/static/../../session.py", "/static/", "/static/%2e%2e/app_service.py"):
            async with http.get(f"{site.url}{path}") as answer:
                assert answer.status in {403, 404}, path


async def test_only_so_many_browsers_at_a_time(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine, "--sessions", "1")
    async with site.browser() as browser, aiohttp.ClientSession() as http:
        await browser.sees("Password")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with site.browser():
                pass
        assert refused.value.status == 503
        async with http.get(site.url) as answer:
            assert (answer.status, "Close one" in await answer.text()) == (503, True)
    await until(lambda: not site.sessions())
    async with site.browser() as browser:
        await browser.sees("Password")


async def test_what_is_no_message_ends_its_session_alone(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    async with site.browser() as quiet:
        await quiet.sees("Password")
        for bad in (
            "{",
            "[]",
            '["stdin", 1]',
            '["quit"]',
            '["resize", 5]',
            "[" * 100_000,
            '["ping", "' + "x" * 99 + '"]',
        ):
            async with site.browser() as browser:
                await browser.sees("Password")
                await browser.socket.send_str(bad)
                assert await browser.is_ended() == 1003, bad[:20]
        async with site.browser("width=1000000000&height=x") as browser:
            await browser.sees("Password")
            await browser.socket.send_json(["resize", {"width": 10**9, "height": -1}])
            await browser.types("\x1b[200~" + "x" * 70_000 + "\x1b[201~")
            await browser.socket.send_json(["ping", "12"])
        await quiet.types("root\r")
        await quiet.sees("root")
        await until(lambda: len(site.sessions()) == 1)


async def test_a_session_that_hangs_is_ended_with_its_browser(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    async with site.browser() as browser:
        await browser.sees("Password")
        os.kill(site.sessions()[0], signal.SIGSTOP)
    await until(lambda: not site.sessions())


async def test_leaving_the_ui_ends_the_session_in_the_browser(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    async with site.browser() as browser:
        await browser.sees("Password")
        await browser.types("\x11")
        await browser.is_ended()
    await until(lambda: not site.sessions())


async def test_sessions_do_not_outlive_a_server_that_was_killed(engine: Any, admin: Any, serve: Any) -> None:
    site = serve(engine)
    async with site.browser() as browser:
        await browser.sees("Password")
        pid = site.sessions()[0]
        site.process.kill()
        await until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rcq_web(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rcq_tui.cli.main", "web", *options],
        check=False,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_what_cannot_be_served_says_why(engine: Any, admin: Any, tmp_path: Path) -> None:
    here = {"RCQ_SOCKET": str(engine.socket)}
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.org"):  # noqa: S104  refused
        refused = rcq_web("--host", host, **here)
        assert (refused.returncode, refused.stdout) == (2, ""), host
        assert "this machine alone" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = rcq_web("--port", port, **here)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"port {port} cannot be had" in refused.stderr
    assert rcq_web("--port", "70000", **here).returncode == 2
    gone = rcq_web("--port", "0", RCQ_SOCKET=str(tmp_path / "none.sock"))
    assert (gone.returncode, gone.stdout) == (8, "")
