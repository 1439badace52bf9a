"""A person's token: from `$RCQ_TOKEN`, else from a file that only they can read.

Must not know what a token is good for.
"""

import os
import stat

from config.homes import token_file
from engine.protocol.errors import Refused


def read() -> str | None:
    """The token, or `None` where there is none. Raises Refused for a file that others could read."""
    return given() if os.environ.get("RCQ_TOKEN") else kept()


def given() -> str | None:
    """The token in `$RCQ_TOKEN`. Raises Refused where that cannot be one."""
    return checked(os.environ.get("RCQ_TOKEN", ""), "RCQ_TOKEN")


def kept() -> str | None:
    """The token in the file. Raises Refused for a file that others could read."""
    path = token_file()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused("UNAUTHENTICATED", f"{path} cannot be read: {error.strerror}. Log in again: rcq login") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise Refused(
                "UNAUTHENTICATED", f"{path} is open to others. Mend it with: chmod 600 {path}, then rcq login"
            )
        return checked(file.read(4096).decode("latin-1"), str(path))


def write(token: str) -> str:
    """Keep the token, replacing an old one at once and whole. Returns where. Raises Refused."""
    from pathlib import Path  # noqa: PLC0415  commands read tokens all day and write them once

    path = Path(token_file())
    new = path.with_name(f".token-{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(token + "\n")
        new.replace(path)
    except OSError as error:
        raise Refused(
            "UNAUTHENTICATED",
            f"{path} cannot be written: {error.strerror}. Set XDG_CONFIG_HOME to a place of your own.",
        ) from error
    return str(path)


def remove() -> bool:
    """Forget the token; whether there was one."""
    try:
        os.unlink(token_file())  # noqa: PTH108  pathlib is not loaded for it
    except FileNotFoundError:
        return False
    return True


def checked(text: str, place: str) -> str | None:
    """The token that stands in it. Raises Refused where that cannot be one; place: where it was found."""
    token = text.strip()
    if not token:
        return None
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Refused("UNAUTHENTICATED", f"{place} holds no token. Log in again: rcq login")
    return token
