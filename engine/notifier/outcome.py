"""How one try to send something went. Must not know what was sent."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class Outcome:
    """ok: it is out of our hands. again: it may go better later. message: for its account; never holds a secret."""

    ok: bool
    message: str
    again: bool = False


def sent(message: str) -> Outcome:
    """It went well."""
    return Outcome(ok=True, message=message)


def later(message: str) -> Outcome:
    """Not now."""
    return Outcome(ok=False, message=message, again=True)


def never(message: str) -> Outcome:
    """As things stand it never will."""
    return Outcome(ok=False, message=message)
