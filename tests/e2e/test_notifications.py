"""Notifications through the real engine and its notifier: mail to a server, a signed webhook, a program, a terminal."""

import json
import socketserver
import sqlite3
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.protocol.webhooks import DELIVERY, SIGNATURE, TIMESTAMP, signature
from tests.e2e.conftest import SETTINGS

pytestmark = pytest.mark.e2e


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every mail, or refuses with `refusal` while that is set."""

    daemon_threads = True
    allow_reuse_address = True
    refusal = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailTalk)
        self.mails: list[Message] = []
        self.asked = 0


class _MailTalk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.say("354 go on")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(message_from_bytes(body, policy=default))
                self.say("250 taken")
            elif word == b"RCPT" and self.server.refusal:
                self.server.asked += 1
                self.say(self.server.refusal)
            else:
                self.say("250 fine")  # to QUIT, too, which is wrong: what was taken is not sent again for that

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class _Hook(BaseHTTPRequestHandler):
    server: "HookServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class HookServer(ThreadingHTTPServer):
    """Remembers every call, and answers each with `status`."""

    daemon_threads = True
    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.calls: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    yield from serving(MailServer())


@pytest.fixture
def hook() -> Iterator[HookServer]:
    yield from serving(HookServer())


def serving(server: Any) -> Iterator[Any]:
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def settings(mail: MailServer, more: str = "") -> str:
    port = mail.server_address[1]
    return f'{SETTINGS}[notify]\nsummary_s = 0.3\nmail = "smtp"\nsmtp_host = "127.0.0.1"\nsmtp_port = {port}\n{more}'


ALL = ["end", "failed", "preempted", "warning"]


def choose(person: Any, **choice: Any) -> dict[str, Any]:
    answer = person.ask("PUT", "/v1/notify", json=choice)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_nobody_is_told_anything_before_they_choose(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail))
    admin = engine.admin()
    ada, bob = engine.someone(admin, "ada", "vision"), engine.someone(admin, "bob", "vision")
    view = choose(bob, on=["end"], mail="bob@example.org")
    assert view["webhook_secret"] is None
    ada.ended(ada.submit("true", name="adas"))
    bob.ended(bob.submit("true", name="bobs"))
    until(lambda: mail.mails)
    assert [(one["To"], "bobs" in one["Subject"]) for one in mail.mails] == [("bob@example.org", True)]


def test_a_failure_by_mail_with_a_hostile_name(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail))
    admin = engine.admin()
    choose(admin, on=["failed"], mail="ada@example.org")
    name = "x Bcc: eve@example.org =?utf-8?q?=0d=0aBcc=3a?= <b>\N{SNOWMAN}"
    admin.ended(admin.submit("true"))
    number = admin.submit("false", name=name)
    until(lambda: mail.mails)
    (told,) = mail.mails
    shown = name.replace("=?", "= ?")  # no encoded word of a stranger's is read as one
    said = " ".join(told["Subject"].split())  # where it is folded, blanks may come in
    assert said.endswith(f"Job {number} ({shown}) failed after 0s: exit 1")
    assert (told["To"], told["Bcc"]) == ("ada@example.org", None)
    assert f"Job {number} ({name}) failed" in told.get_content()
    assert told["Auto-Submitted"] == "auto-generated"


def test_a_webhook_is_signed_and_tried_again(
    launch: Callable[..., Any], mail: MailServer, hook: HookServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail, 'webhook_hosts = ["127.0.0.1"]\n'))
    admin = engine.admin()
    secret = choose(admin, on=["end"], webhook=hook.url)["webhook_secret"]
    assert len(secret) == 64
    assert admin.get("/v1/notify")["webhook_secret"] is None
    assert choose(admin, on=["end"], webhook=hook.url)["webhook_secret"] is None, "the same one keeps its secret"
    number = admin.submit("true", name="one")
    until(lambda: hook.calls)
    headers, body = hook.calls[0]
    assert headers[SIGNATURE] == signature(secret, headers[TIMESTAMP], body)
    told = json.loads(body)
    assert headers[DELIVERY] == told["id"]
    assert (told["counts"], told["jobs"][0]["id"], told["jobs"][0]["state"]) == ({"end": 1}, number, "completed")
    hook.status = 503
    admin.submit("true")
    until(lambda: len(hook.calls) == 2)
    until(lambda: admin.get("/v1/notify")["waiting"] == 1)
    with sqlite3.connect(engine.state / "rcq.db") as books:
        tries = until(lambda: books.execute("SELECT tries FROM outbox WHERE tries > 0").fetchall())
    assert tries == [(1,)]
    hook.status = 302
    (test,) = admin.post("/v1/notify/test")["items"]
    assert not test["ok"]
    assert "redirects are not followed" in test["message"]
    assert len(hook.calls) == 3
    text = (engine.root / "engine.log").read_text()
    assert secret not in text
    assert "x=1" not in text


def test_many_endings_are_one_message_and_an_array_is_told_at_its_end(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail).replace("summary_s = 0.3", "summary_s = 3.0"))
    admin = engine.admin()
    choose(admin, on=ALL, mail="ada@example.org")
    admin.submit("true", name="first")
    until(lambda: mail.mails)
    for code in (0, 1, 0, 0):
        admin.script(f"exit {code}")
    array = admin.script("exit $((RCQ_ARRAY_INDEX == 2))", array="0-3", name="sweep")
    until(lambda: len(mail.mails) == 2)
    assert "first" in mail.mails[0]["Subject"]
    told = mail.mails[1].get_content()
    assert f"Job array {array} (sweep) has ended: of 4 jobs 3 completed, 1 failed." in told
    assert told.count("completed after") == 3
    assert "[" not in told, "no element is told by itself"


def test_short_runs_and_a_retried_failure_are_not_told(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail))
    admin = engine.admin()
    choose(admin, on=ALL, mail="ada@example.org", min_run_s=1.0)
    admin.ended(admin.submit("true", name="short"))
    long = admin.script("sleep 1.2; [ $RCQ_ATTEMPT = 2 ]", retries=1, name="long")
    assert admin.ended(long)["state"] == "completed"
    until(lambda: mail.mails)
    assert [one["Subject"].rpartition(": ")[2] for one in mail.mails] == [f"Job {long} (long) completed after 1s"]


def test_what_a_server_refuses_for_good_is_given_up_and_said(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail))
    admin = engine.admin()
    choose(admin, on=["end"], mail="ada@example.org")
    mail.refusal = "550 no such user"
    admin.submit("true")
    failure = until(lambda: admin.get("/v1/notify")["last_failure"])
    assert failure["channel"] == "mail"
    assert "550 no such user" in failure["message"]
    assert mail.asked == 1
    assert admin.get("/v1/notify")["waiting"] == 0


def test_what_waits_survives_the_engine(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail))
    admin = engine.admin()
    choose(admin, on=["end"], mail="ada@example.org")
    mail.refusal = "450 later"
    admin.submit("true")
    until(lambda: admin.get("/v1/notify")["waiting"] == 1 and mail.asked)
    engine.end()
    mail.refusal = ""
    with sqlite3.connect(engine.state / "rcq.db") as books:
        books.execute("UPDATE outbox SET due_at = 0")
    engine.start()
    until(lambda: mail.mails)


def test_a_program_gets_json_and_is_ended_in_time(
    launch: Callable[..., Any], mail: MailServer, tmp_path: Path, until: Callable[..., Any]
) -> None:
    told = tmp_path / "told"
    script = f"cat >{told}; env >{told}.env; exec sleep 600"
    more = f"command = {json.dumps(['/bin/sh', '-c', script])}\ncommand_timeout_s = 1.0\n"
    engine = launch(settings(mail, more), {"SECRET_OF_ENGINE": "x"})
    admin = engine.admin()
    choose(admin, command=True, on=["end"])
    (test,) = admin.post("/v1/notify/test")["items"]
    assert (test["ok"], test["message"]) == (False, "The command did not end within 1 s.")
    assert json.loads(told.read_text())["test"] is True
    assert "SECRET_OF_ENGINE" not in Path(f"{told}.env").read_text()


def test_what_this_engine_does_not_offer_is_refused(engine: Any, admin: Any) -> None:
    for choice, field in (
        ({"mail": "ada@example.org"}, "mail"),
        ({"webhook": "https://example.org/"}, "webhook"),
        ({"command": True}, "command"),
        ({"on": ["everything"]}, "on.0"),
        ({"new_secret": True}, ""),
    ):
        answer = admin.ask("PUT", "/v1/notify", json=choice)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR"), choice
        assert answer.json()["error"]["details"][0]["field"] == field
    assert admin.get("/v1/notify")["available"] == ["terminal"]
    assert admin.refusal("POST", "/v1/notify/test") == "INVALID_STATE"


@pytest.mark.parametrize(
    "address", ["ada", "-oQ/tmp@x.org", "a@b@c", "a b@c.org", "ada@x.org\r\nBcc: eve", "a,b@c.org"]
)
def test_no_address_is_more_than_one_plain_address(launch: Callable[..., Any], mail: MailServer, address: str) -> None:
    admin = launch(settings(mail)).admin()
    assert admin.refusal("PUT", "/v1/notify", json={"mail": address}) == "VALIDATION_ERROR"


def test_admins_see_and_switch_off_but_not_the_webhooks_secret(
    launch: Callable[..., Any], mail: MailServer, hook: HookServer
) -> None:
    engine = launch(settings(mail, 'webhook_hosts = ["127.0.0.1"]\n'))
    admin = engine.admin()
    ada, bob = engine.someone(admin, "ada", "vision"), engine.someone(admin, "bob", "vision")
    choose(ada, on=["end"], webhook=hook.url, mail="ada@example.org")
    seen = admin.get("/v1/notify/ada")
    assert seen["webhook"].endswith("/…")
    assert seen["mail"] == "ada@example.org"
    assert bob.refusal("GET", "/v1/notify/ada") == "FORBIDDEN"
    assert bob.refusal("DELETE", "/v1/notify/ada") == "FORBIDDEN"
    assert admin.ask("DELETE", "/v1/notify/ada").json()["on"] == []
    assert ada.get("/v1/notify")["mail"] is None
    assert admin.refusal("GET", "/v1/notify/nobody") == "NOT_FOUND"
    with sqlite3.connect(engine.state / "rcq.db") as books:
        details = [row[0] for row in books.execute("SELECT detail FROM audit WHERE action = 'notify.set'")]
    assert len(details) == 2
    assert not [detail for detail in details if "hook" in detail.replace("webhook", "")]


def test_an_hour_has_so_many_messages_and_the_rest_is_one(
    launch: Callable[..., Any], mail: MailServer, until: Callable[..., Any]
) -> None:
    engine = launch(settings(mail, "per_hour = 2\n"))
    admin = engine.admin()
    choose(admin, on=["end"], mail="ada@example.org")
    for number in (1, 2):
        admin.ended(admin.submit("true"))
        until(lambda number=number: len(mail.mails) == number)
    answer = admin.ask("POST", "/v1/notify/test")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    for _ in range(3):
        admin.ended(admin.submit("true"))
    assert len(mail.mails) == 2
    engine.end()  # what gathered does not get lost with the engine
    with sqlite3.connect(engine.state / "rcq.db") as books:
        ((message,),) = books.execute("SELECT message FROM outbox").fetchall()
    assert json.loads(message)["counts"] == {"end": 3}


def test_open_terminals_of_the_account_are_told(engine: Any, admin: Any, events: Callable[..., Any]) -> None:
    bob = engine.someone(admin, "bob", "vision")
    choose(admin, on=["end"], terminal="both")
    with admin.http.stream("GET", "/v1/events") as mine, bob.http.stream("GET", "/v1/events") as others:
        number = admin.submit("true")
        told = next(data for kind, data in events(mine) if kind == "notification")
        assert (told["terminal"], told["jobs"][0]["id"]) == ("both", number)
        seen = next(kind for kind, data in events(others) if kind == "notification" or data.get("state") == "completed")
        assert seen == "job"
