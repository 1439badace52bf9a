"""Which webhooks are called, and how a call is signed."""

import hmac
from hashlib import sha256

import pytest

from engine.protocol.webhooks import MOST_URL, may_connect, signature, target_of

HOSTS = ["hooks.example.org", ".chat.example", "10.1.0.0/16", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("https://hooks.example.org/a?b=c", "hooks.example.org", 443, "hooks.example.org"),
        ("https://HOOKS.example.org.:8443/", "hooks.example.org", 8443, "hooks.example.org:8443"),
        ("https://a.b.chat.example", "a.b.chat.example", 443, "a.b.chat.example"),
        ("https://10.1.2.3/x", "10.1.2.3", 443, "10.1.2.3"),
        ("http://127.0.0.1:80/x", "127.0.0.1", 80, "127.0.0.1"),
        ("http://[::1]:8080/x", "::1", 8080, "[::1]:8080"),
    ],
)
def test_what_may_be_called(url: str, host: str, port: int, authority: str) -> None:
    target = target_of(url, HOSTS)
    assert (target.host, target.port, target.authority) == (host, port, authority)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/", "https://evil-hooks.example.org/", "https://chat.example/", "https://xchat.example/",
        "http://hooks.example.org/", "http://10.1.2.3/", "ftp://hooks.example.org/", "file:///etc/passwd",
        "https://10.2.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::ffff:169.254.169.254]/",
        "https://hooks.example.org@evil.example/", "https://user:pw@hooks.example.org/", "https://hooks.example.org#@e/",
        "https://hooks.example.org:99999/", "https://", "https:///x", "hooks.example.org", "",
        "https://hooks.example.org/\r\nX: y", "https://hooks.example.org/ x", "https://hooks.exämple.org/",
        "https://hooks.example.org\\@evil.example/", "https://2130706433/", "https://0x7f.1/", "https://[::1%25lo]/",
        "https://hooks.example.org/" + "x" * MOST_URL,
    ],
)  # fmt: skip
def test_what_may_not(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        target_of(url, HOSTS)


def test_without_a_list_nothing_may_be_called() -> None:
    with pytest.raises(ValueError, match="webhook_hosts"):
        target_of("https://hooks.example.org/", [])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("10.1.255.255", True), ("127.0.0.1", True),
        ("10.2.0.1", False), ("127.0.0.2", False), ("192.168.1.1", False), ("172.16.0.1", False), ("0.0.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("fe80::1", False), ("fc00::1", False), ("ff02::1", False), ("::ffff:192.168.1.1", False), ("::", False),
        ("::ffff:10.1.0.1", True), ("fe80::1%eth0", False), ("nonsense", False),
        ("64:ff9b::a9fe:a9fe", False), ("64:ff9b::5db8:d822", True), ("2002:c0a8:101::1", False),
        ("::169.254.169.254", False), ("64:ff9b:1::a9fe:a9fe", False), ("::ffff:0:169.254.169.254", False),
        ("fec0::1", False),
    ],
)  # fmt: skip
def test_at_which_addresses(address: str, allowed: bool) -> None:
    assert may_connect(address, HOSTS) is allowed


def test_the_signature_is_that_of_timestamp_and_body() -> None:
    made = hmac.new(b"key", b"12.{}", sha256).hexdigest()
    assert signature("key", "12", b"{}") == f"v1={made}"
