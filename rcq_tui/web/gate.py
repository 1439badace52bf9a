"""Which requests of browsers are taken, and how large a screen may be. Pure.

What listens on a loopback port hears every page that somebody's browser has open, and every program on the machine. Two
headers tell them apart: `Host` (a name that a stranger's DNS leads here is not one of ours) and `Origin` (a page of
somebody else's says whose it is). Must not know the server.
"""

import re
from collections.abc import Mapping

_OURS = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.ASCII)
"""What this machine calls itself. The port is not looked at: an SSH tunnel may begin at another one."""
SIZES = {"width": (20, 500), "height": (5, 200)}
"""Cells, the least and the most: each one costs memory and time."""
_START = {"width": 80, "height": 24}
_BROWSER_PAGES = frozenset({"same-origin", "none"})
"""`Sec-Fetch-Site` of what our own page asks, or who typed the address."""


def host_is_ours(host: str) -> bool:
    """Whether a `Host` header names this machine, and has nothing else in it."""
    return _OURS.fullmatch(host) is not None


def page_is_ours(headers: Mapping[str, str]) -> bool:
    """Whether a request that opens a session comes from our own page. Browsers always say; who does not is none."""
    origin, site = headers.get("Origin", ""), headers.get("Sec-Fetch-Site", "same-origin")
    return origin == f"http://{headers.get('Host', '')}" and site in _BROWSER_PAGES


def cells(given: Mapping[str, object]) -> tuple[int, int]:
    """Width and height of a screen that a browser asked for, within bounds."""
    width, height = (_within(given.get(name), name) for name in ("width", "height"))
    return width, height


def _within(given: object, name: str) -> int:
    least, most = SIZES[name]
    try:
        wanted = int(given) if isinstance(given, int | str) else _START[name]
    except ValueError:
        wanted = _START[name]
    return max(least, min(most, wanted))
