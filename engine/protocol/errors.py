"""The errors that cross the wire: codes, HTTP statuses and the exit codes of commands.

Must not import anything: the command line loads it at every start.
"""

from typing import Any

STATUS: dict[str, int] = {
    "VALIDATION_ERROR": 422,
    "IMPOSSIBLE_REQUEST": 422,
    "DUPLICATE_JOB": 409,
    "QUOTA_EXCEEDED": 409,
    "INVALID_STATE": 409,
    "RATE_LIMITED": 429,
    "JOB_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "BAD_FORMAT": 400,
    "BAD_ENCODING": 400,
    "TOO_LARGE": 413,
    "SERVICE_NOT_READY": 503,
    "INTERNAL": 500,
}
"""Every code with its HTTP status. INTERNAL is a defect of the engine, written to its log with a number."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_NOT_LOGGED_IN = 4
EXIT_FORBIDDEN = 5
EXIT_NOT_FOUND = 6
EXIT_WRONG_STATE = 7
EXIT_UNREACHABLE = 8
EXIT_QUOTA = 9

EXIT_OF_CODE: dict[str, int] = {
    "VALIDATION_ERROR": EXIT_FAILED,
    "IMPOSSIBLE_REQUEST": EXIT_FAILED,
    "DUPLICATE_JOB": EXIT_WRONG_STATE,
    "QUOTA_EXCEEDED": EXIT_QUOTA,
    "INVALID_STATE": EXIT_WRONG_STATE,
    "RATE_LIMITED": EXIT_QUOTA,
    "JOB_NOT_FOUND": EXIT_NOT_FOUND,
    "NOT_FOUND": EXIT_NOT_FOUND,
    "METHOD_NOT_ALLOWED": EXIT_FAILED,
    "UNAUTHENTICATED": EXIT_NOT_LOGGED_IN,
    "FORBIDDEN": EXIT_FORBIDDEN,
    "BAD_FORMAT": EXIT_FAILED,
    "BAD_ENCODING": EXIT_FAILED,
    "TOO_LARGE": EXIT_FAILED,
    "SERVICE_NOT_READY": EXIT_UNREACHABLE,
    "INTERNAL": EXIT_FAILED,
}
"""The exit code of a command that was refused with this code."""


class RcqError(Exception):
    """Root of what rcq raises on purpose.

    RcqError
    ├── Refused        the engine said no, with a code of `STATUS`
    └── Unreachable    no engine answers on the socket
    """


class Refused(RcqError):
    """A request was refused and changed nothing.

    code: a key of `STATUS`. message: one sentence that says what to do next. details: what is wrong where, one
    mapping each (`field`, `message`, numbers). retry_after_s: seconds until it may work, for RATE_LIMITED.
    """

    def __init__(
        self,
        code: str,
        message: str,
        details: list[dict[str, Any]] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or []
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """The error's JSON body."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class Unreachable(RcqError):
    """No engine answers on the socket; the message names the socket and what to do."""
