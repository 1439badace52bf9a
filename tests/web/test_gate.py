"""Which browsers' requests are taken, and how large their screens may be."""

import pytest

from rcq_tui.web.gate import cells, host_is_ours, page_is_ours


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8017", "localhost:9000", "[::1]:8017", "[::1]"])
def test_this_machine_is_ours_at_any_port(host: str) -> None:
    assert host_is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8017",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8017",
        "x@localhost",
        '"><script>@localhost',
        "localhost:80:80",
        "localhost:",
        "localhost:8017/",
        "localhost:8017\n",
        "127.0.0.2",
        "0.0.0.0",  # noqa: S104  refused
        "::1",
        "localhost:٣",
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    assert not host_is_ours(host)


def test_a_session_is_begun_by_our_own_page_alone() -> None:
    own = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
    assert page_is_ours(own)
    assert page_is_ours(own | {"Sec-Fetch-Site": "same-origin"})
    assert not page_is_ours({"Host": "localhost:9000"}), "browsers always say where they come from"
    for origin in (
        "http://evil.example",
        "null",
        "http://localhost:3000",
        "https://localhost:9000",
        "http://127.0.0.1:9000",
    ):
        assert not page_is_ours(own | {"Origin": origin}), origin
    assert not page_is_ours(own | {"Sec-Fetch-Site": "cross-site"})


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"width": 120, "height": 40}, (120, 40)),
        ({"width": "120", "height": "40"}, (120, 40)),
        ({}, (80, 24)),
        ({"width": "1000000000", "height": 10**9}, (500, 200)),
        ({"width": -5, "height": "0"}, (20, 5)),
        ({"width": "9" * 5000, "height": [1]}, (80, 24)),
        ({"width": None, "height": 12.5}, (80, 24)),
    ],
)
def test_no_browser_gets_a_screen_beyond_bounds(given: dict[str, object], taken: tuple[int, int]) -> None:
    assert cells(given) == taken
