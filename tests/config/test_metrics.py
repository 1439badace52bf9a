"""Where metrics may be read: at an address that only this machine reaches, unless somebody means another."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import MetricsSettings


@pytest.mark.parametrize(
    ("listen", "place"),
    [
        ("127.0.0.1:9838", ("127.0.0.1", 9838)),
        ("127.8.9.1:65535", ("127.8.9.1", 65535)),
        ("[::1]:1", ("::1", 1)),
        ("/run/rcq/metrics.sock", Path("/run/rcq/metrics.sock")),
        (None, None),
    ],
)
def test_places_that_only_this_machine_reaches(listen, place):
    assert MetricsSettings(listen=listen).place == place


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9838", "[::]:9838", "10.1.2.3:9838", "[::ffff:10.1.2.3]:80", "192.168.1.1:1"]
)
def test_others_are_refused_unless_they_are_meant_and_guarded(listen):
    with pytest.raises(ValidationError, match=r"no loopback address: others could read from afar; set beyond_loopback"):
        MetricsSettings(listen=listen)
    with pytest.raises(ValidationError, match="beyond_loopback needs a token_file"):
        MetricsSettings(listen=listen, beyond_loopback=True)
    assert MetricsSettings(listen=listen, beyond_loopback=True, token_file=Path("/t")).place is not None


@pytest.mark.parametrize(
    ("listen", "told"),
    [
        ("9838", "wants an address"),
        (":9838", "wants an address"),
        ("127.0.0.1", "an address and a port"),
        ("127.0.0.1:0", "an address and a port"),
        ("127.0.0.1:65536", "an address and a port"),
        ("127.0.0.1:٣", "an address and a port"),
        ("127.0.0.1:-1", "an address and a port"),
        ("localhost:9838", "a name may lead anywhere"),
        ("", "an address and a port"),
        ("http://127.0.0.1:9838", "wants an address"),
    ],
)
def test_what_is_no_place_says_what_one_is(listen, told):
    with pytest.raises(ValidationError, match=told):
        MetricsSettings(listen=listen, beyond_loopback=True, token_file=Path("/t"))
