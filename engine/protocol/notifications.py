"""Notifications: what an account chose to be told of and how, what is told, and how a test of it went.

Engine, notifier and front end share these. Must not know how anything is sent, nor how it is worded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVENTS = ("end", "failed", "preempted", "warning")
"""What can be told: a job completed or was cancelled, failed for good, lost its place and waits again; a notice."""

CHANNELS = ("mail", "webhook", "command", "terminal")
"""How it can be told. The terminal is that of an open terminal UI."""

TERMINAL = ("off", "bell", "message", "both")
"""What an open terminal UI does: ring, show the words as the terminal's own notification (OSC 9), or both."""

MOST_LISTED = 20
"""Jobs, arrays and warnings that one notification lists; its counts are of all."""

MOST_LINE_BYTES = 256 * 1024
"""Of one request to the notifier and of its answer."""


@dataclass(slots=True, frozen=True, kw_only=True)
class ToldJob:
    """A job that ended or was preempted. run_s: seconds of its last attempt, `None` if there was none."""

    id: int
    name: str | None
    state: str
    cause: str | None
    exit_code: int | None
    signal: int | None
    run_s: float | None


@dataclass(slots=True, frozen=True, kw_only=True)
class ToldArray:
    """A job array all of whose elements have ended, and how many in which way. id: its first element's."""

    id: int
    name: str | None
    elements: int
    completed: int
    failed: int
    cancelled: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Notification:
    """One message to one account about everything that happened in a while. The webhook's and the command's JSON.

    id: the same however often it is tried. at: Unix seconds. counts: by event, of single jobs, arrays and warnings.
    warnings: notices, each with its `code`, its numbers and the `job` it is about. test: somebody asked for it, and
    nothing happened.
    """

    id: str
    account: str
    host: str
    at: float
    counts: Mapping[str, int] = field(default_factory=dict)
    jobs: list[ToldJob] = field(default_factory=list)
    arrays: list[ToldArray] = field(default_factory=list)
    warnings: list[Mapping[str, Any]] = field(default_factory=list)
    test: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class SendFailure:
    """The last message that could not be sent. at: Unix seconds."""

    channel: str
    at: float
    message: str


@dataclass(slots=True, kw_only=True)
class NotifyView:
    """What an account chose. on: of `EVENTS`; none: it is told nothing. min_run_s: shorter runs are not told.

    webhook: for others than the account itself only its host. webhook_secret: what it is signed with, shown this once.
    available: the channels that this engine has. waiting: messages to be sent. last_failure: of those given up on.
    """

    account: str
    on: list[str]
    mail: str | None
    webhook: str | None
    command: bool
    terminal: str
    min_run_s: float
    available: list[str]
    waiting: int = 0
    webhook_secret: str | None = None
    last_failure: SendFailure | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class ChannelTest:
    """How sending a test went. message: what the other side said, or what to do."""

    channel: str
    ok: bool
    message: str


@dataclass(slots=True, kw_only=True)
class NotifyTests:
    """One for each channel that the account chose."""

    items: list[ChannelTest]
