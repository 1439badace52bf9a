"""The notifier's channels: where a webhook really goes, what a program gets, which refusals are for good."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from config.settings import NotifySettings
from engine.notifier import command, mail, requests, webhook
from engine.notifier.letters import letter
from engine.protocol.notifications import Notification, ToldJob
from engine.protocol.webhooks import SIGNATURE, TIMESTAMP, signature

JOB = ToldJob(id=7, name="x\r\nBcc: eve@e.org", state="failed", cause="exit", exit_code=1, signal=None, run_s=2.0)
TOLD = Notification(id="n1", account="ada", host="b\nox", at=1.0, counts={"failed": 1}, jobs=[JOB])


class Site:
    """An HTTPS server with a certificate for `hooks.test` alone."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.names: list[str | None] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in headers.items()}
        self.calls.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server whose certificate is trusted."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=hooks.test", "-addext", "subjectAltName=DNS:hooks.test", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


@pytest_asyncio.fixture
async def site(context: ssl.SSLContext) -> AsyncIterator[Site]:
    found = Site()
    context.sni_callback = lambda _line, name, _context: found.names.append(name)
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


def named(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses; the names that were asked for."""
    asked: list[str] = []

    async def look_up(_self: Any, host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", look_up)
    return asked


async def test_a_name_is_looked_up_once_and_called_by_its_certificate(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = named(monkeypatch, "10.0.0.1", "127.0.0.1")
    settings = NotifySettings(webhook_hosts=["hooks.test", "127.0.0.0/8"])
    outcome = await webhook.send(TOLD, f"https://hooks.test:{site.port}/a?b", "key", settings)
    assert outcome.ok, outcome.message
    assert "10.0.0.1" not in outcome.message
    assert [name for name in asked if name == "hooks.test"] == ["hooks.test"]
    assert site.names == ["hooks.test"]
    ((headers, body),) = site.calls
    assert headers["host"] == f"hooks.test:{site.port}"
    assert headers[SIGNATURE.lower()] == signature("key", headers[TIMESTAMP.lower()], body)
    assert json.loads(body)["jobs"][0]["name"] == JOB.name


async def test_the_certificate_has_to_be_the_names(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "127.0.0.1")
    settings = NotifySettings(webhook_hosts=["other.test", "127.0.0.0/8"])
    outcome = await webhook.send(TOLD, f"https://other.test:{site.port}/", "key", settings)
    assert (outcome.ok, outcome.again, site.calls) == (False, True, [])


async def test_a_listed_name_at_a_private_address_is_not_called(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")
    settings = NotifySettings(webhook_hosts=["hooks.test"])
    outcome = await webhook.send(TOLD, f"https://hooks.test:{site.port}/", "key", settings)
    assert (outcome.ok, outcome.again) == (False, False)
    assert "not public" in outcome.message
    assert site.calls == []


async def test_a_proxy_of_the_environment_is_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    named(monkeypatch, "127.0.0.1")
    settings = NotifySettings(webhook_hosts=["hooks.test", "127.0.0.0/8"])
    assert (await webhook.send(TOLD, f"https://hooks.test:{site.port}/", "key", settings)).ok


def test_no_stranger_writes_a_header() -> None:
    message = letter(TOLD, "ada@example.org", NotifySettings(mail_from="rcq@box"))
    head = message.as_bytes().partition(b"\r\n\r\n")[0].decode()
    assert "\nBcc" not in head.replace("\r\n ", "")
    assert message["Bcc"] is None
    with pytest.raises(ValueError, match=r"linefeed|header"):
        letter(TOLD, "ada@example.org\r\nBcc: eve@e.org", NotifySettings(mail_from="rcq@box")).as_bytes()


async def test_sendmail_gets_the_message_and_no_option(tmp_path: Path) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words; cat >{tmp_path}/mail; exit $(cat {tmp_path}/code)\n')
    program.chmod(0o755)
    settings = NotifySettings(mail="sendmail", sendmail=str(program), mail_from="rcq@box", mail_domains=["example.org"])
    results = {}
    for code in (0, 67, 75):
        (tmp_path / "code").write_text(str(code))
        outcome = await mail.send(TOLD, "ada@example.org", settings)
        results[code] = (outcome.ok, outcome.again)
    assert results == {0: (True, False), 67: (False, False), 75: (False, True)}
    assert (tmp_path / "words").read_text() == "-i -- ada@example.org\n"
    assert b"\r" not in (tmp_path / "mail").read_bytes()
    assert not (await mail.send(TOLD, "ada@example.com", settings)).ok
    settings = settings.model_copy(update={"sendmail": str(tmp_path / "none")})
    assert (await mail.send(TOLD, "ada@example.org", settings)).again


async def test_a_password_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ValueError, match="in the clear"):
        NotifySettings(smtp_host="mail.example.org", smtp_user="u", smtp_password_file=Path("/x"))
    with pytest.raises(ValueError, match="belong together"):
        NotifySettings(smtp_user="u", smtp_security="tls")


def test_what_a_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! >{tmp_path}/pid; wait"
    settings = NotifySettings(command=["/bin/sh", "-c", script], command_timeout_s=0.5)
    outcome = asyncio.run(command.send(TOLD, settings))
    assert (outcome.ok, outcome.again) == (False, True)
    left = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30  # SIGKILL is sent by now; when the kernel carries it out is its own matter
    while not _ended(left):
        assert time.monotonic() < deadline, "it goes on"
        os.sched_yield()


def _ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_requests_are_read_back() -> None:
    request = {
        "id": 3,
        "channel": "mail",
        "to": "a@b",
        "notification": {"id": "n", "account": "a", "host": "h", "at": 1},
    }
    assert requests.read(json.dumps(request).encode()).notification.account == "a"
    for broken in (b"", b"[]", b"{}", b'{"id": 1, "channel": "mail", "notification": {"made": 1}}'):
        with pytest.raises((ValueError, TypeError, KeyError)):
            requests.read(broken)


@pytest.mark.parametrize("words", [["--system"], ["--settings", "{}"], ["--settings", '{"mail": "pigeon"}']])
def test_by_hand_it_says_how_it_is_started(words: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "engine.notifier", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=30,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.startswith("rcq-notifier: ")
    assert "Traceback" not in ran.stderr
