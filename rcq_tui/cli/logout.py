"""`rcq logout`: ends the session and forgets its token."""

import os
from collections.abc import Callable

from engine.protocol.errors import RcqError, Refused
from rcq_tui.cli.failures import complain
from rcq_tui.cli.options import parser
from rcq_tui.client import token
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire

_NO_SESSION = ("INVALID_STATE", "FORBIDDEN")
_TIMEOUT_S = 30.0


def run(argv: list[str]) -> int:
    """Log out. The token's file goes even if the engine does not know it any more or cannot be reached.

    Not if it is an API token: it is in use elsewhere, and `rcq token revoke` ends it. The session in the file ends
    also where `RCQ_TOKEN` wins over it: nobody could end it once its token is forgotten.
    """
    parser("logout", "End the session and forget its token.", "rcq logout").parse_args(argv)
    found = [_end(token.given), _end(token.kept)]
    trouble = next((one for one in found if one is not None), None)
    removed = token.remove()
    if os.environ.get("RCQ_TOKEN"):
        complain("RCQ_TOKEN is still set in this shell; unset it")
    if trouble is not None:
        complain("the token is removed here; the session itself could not be ended and will expire")
        raise trouble
    print("logged out" if removed else "you were not logged in")
    return 0


def _end(source: Callable[[], str | None]) -> RcqError | None:
    """End the session whose token is there; why that could not be. Raises Refused for an API token."""
    try:
        if (held := source()) is not None:
            Wire(find_socket(), held, _TIMEOUT_S).request("POST", "/v1/logout")
    except RcqError as error:
        if isinstance(error, Refused) and error.code in _NO_SESSION:
            raise
        return None if isinstance(error, Refused) and error.code == "UNAUTHENTICATED" else error
    return None
