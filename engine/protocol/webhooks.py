"""Which webhooks an engine calls: the rule for addresses, and how a call is signed.

An entry of the list is a host's name, `.example.org` for all names under it, or an address or network. Pure. Must not
know who calls, nor look names up.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

TIMESTAMP, SIGNATURE, DELIVERY = "Rcq-Timestamp", "Rcq-Signature", "Rcq-Delivery"
"""Headers of a call: Unix seconds of this try; `v1=` and the signature; the notification's id, in every try."""

MOST_URL = 2000
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")

_NAT64 = IPv6Network("64:ff9b::/96")
_OF_SITES = tuple(map(IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10")))
"""Translated and local by older or newer rules than those of `is_global`."""

Address = IPv4Address | IPv6Address


@dataclass(slots=True, frozen=True, kw_only=True)
class Target:
    """Where a webhook goes. host: in lower case, without brackets. path: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the `Host` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, hosts: Sequence[str]) -> Target:
    """The URL taken apart. Raises ValueError, with what to do, where these hosts do not allow it."""
    if len(url) > MOST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"must be plain ASCII without blanks, {MOST_URL} characters at most")
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or parts.username is not None or parts.fragment:
        raise ValueError("must be https://HOST/PATH, without a user and without #")
    target = _target(parts)
    if not _is_listed(target.host, hosts):
        allowed = ", ".join(hosts) or "none"
        raise ValueError(f"{target.host} is not among the hosts of notify.webhook_hosts ({allowed}); ask an admin")
    literal = _literal(target.host)
    if target.scheme == "http" and not (literal is not None and literal.is_loopback):
        raise ValueError("must be https; http goes to a listed loopback address alone")
    return target


def may_connect(address: str, hosts: Sequence[str]) -> bool:
    """Whether a listed name may be called at this address: a public one, or one that is listed itself."""
    try:
        found = _real(ip_address(address))
    except ValueError:
        return False
    is_public = found.is_global and not found.is_multicast
    is_public = is_public and not any(found in network for network in _OF_SITES)
    return is_public or any(found in network for network in _networks(hosts))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, a dot and the body, as the header has it."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def _target(parts: SplitResult) -> Target:
    host = (parts.hostname or "").rstrip(".")
    if not host or (_literal(host) is None and not set(host) <= _HOST):
        raise ValueError("names no host")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("has a port that is none") from None
    path = parts.path or "/"
    return Target(
        scheme=parts.scheme,
        host=host,
        port=_DEFAULT_PORTS[parts.scheme] if port is None else port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _is_listed(host: str, hosts: Sequence[str]) -> bool:
    literal = _literal(host)
    if literal is not None:
        return any(_real(literal) in network for network in _networks(hosts))
    names = [entry.lower() for entry in hosts]
    return any(host == name or (name.startswith(".") and host.endswith(name)) for name in names)


def _networks(hosts: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    return [network for entry in hosts if (network := _network(entry)) is not None]


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _literal(host: str) -> Address | None:
    try:
        return None if "%" in host else ip_address(host)  # a scope names one of this machine's own links
    except ValueError:
        return None


def _real(address: Address) -> Address:
    """An IPv4 address in IPv6's clothes is what it is: ::ffff:127.0.0.1 is loopback, however it gets there."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
