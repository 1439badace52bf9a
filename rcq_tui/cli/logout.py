"""`rcq logout`: ends the session and forgets its token."""

import os

from engine.protocol.errors import RcqError, Refused
from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import complain
from rcq_tui.cli.options import parser
from rcq_tui.client import token

_NO_SESSION = ("INVALID_STATE", "FORBIDDEN")


def run(argv: list[str]) -> int:
    """Log out. The token's file goes even if the engine does not know it any more or cannot be reached.

    Not if it is an API token: it is in use elsewhere, and `rcq token revoke` ends it.
    """
    parser("logout", "End the session and forget its token.", "rcq logout").parse_args(argv)
    trouble: RcqError | None = None
    try:
        if token.read() is not None:
            engine().request("POST", "/v1/logout")
    except RcqError as error:
        if isinstance(error, Refused) and error.code in _NO_SESSION:
            raise
        trouble = None if isinstance(error, Refused) and error.code == "UNAUTHENTICATED" else error
    removed = token.remove()
    if os.environ.get("RCQ_TOKEN"):
        complain("RCQ_TOKEN is still set in this shell; unset it")
    if trouble is not None:
        complain("the token is removed here; the session itself could not be ended and will expire")
        raise trouble
    print("logged out" if removed else "you were not logged in")
    return 0
