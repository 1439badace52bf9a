"""What this machine says of log-ins: search path, language and whose ids are people's, as admins set it in files.

Must not know any person or job. A file that is not there, or cannot be read, says nothing.
"""

from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = Path("/etc/environment")
LOCALES = (Path("/etc/default/locale"), Path("/etc/locale.conf"))
LOGIN_DEFS = Path("/etc/login.defs")

PATH = "/usr/local/bin:/usr/bin:/bin"
LANGUAGE = "C.UTF-8"


def search_path() -> str:
    """`PATH` of /etc/environment, else `ENV_PATH` of /etc/login.defs, else the usual one; empty places left out."""
    told = dict(_assignments(ENVIRONMENT)).get("PATH") or _of_login_defs("ENV_PATH").removeprefix("PATH=")
    places = [place for place in told.split(":") if place.startswith("/") and "$" not in place]
    return ":".join(places) or PATH


def language() -> str:
    """`LANG` of /etc/environment, else of the file for locales, else one that every machine has."""
    for file in (ENVIRONMENT, *LOCALES):
        if told := dict(_assignments(file)).get("LANG"):
            return told
    return LANGUAGE


def uid_min() -> int:
    """From where on user ids are people's: `UID_MIN` of /etc/login.defs, else 1000; never under 500."""
    told = _of_login_defs("UID_MIN")
    return max(500, int(told) if told.isdecimal() else 1000)


def _of_login_defs(name: str) -> str:
    for line in _lines(LOGIN_DEFS):
        word, *rest = line.split()
        if word == name and rest:
            return rest[0]
    return ""


def _assignments(file: Path) -> Iterator[tuple[str, str]]:
    """As pam_env(8) reads them: NAME=VALUE, perhaps after `export`, perhaps in quotes."""
    for line in _lines(file):
        name, sign, value = line.removeprefix("export ").partition("=")
        if sign:
            yield name.strip(), value.strip().strip("\"'")


def _lines(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return
    yield from (line for one in text.splitlines() if (line := one.strip()) and not line.startswith("#"))
