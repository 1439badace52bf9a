"""What the engine answers about sessions and API tokens. Times are Unix seconds.

Front end and engine share these. Must not know how any of it is found or shown.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class TokenView:
    """A session or an API token that has not expired. id: what it is revoked by; it opens nothing.

    kind: `session` or `token`. name: of an API token. scope: `all`, or `read` for one that changes nothing. current:
    it is the one that the request carries.
    """

    id: str
    kind: str
    name: str | None
    account: str
    scope: str
    created_at: float
    expires_at: float
    current: bool = False


@dataclass(slots=True, kw_only=True)
class NewToken:
    """An API token that was just made: `token` is shown this once. The rest as of `TokenView`."""

    token: str
    id: str
    name: str
    account: str
    scope: str
    created_at: float
    expires_at: float
