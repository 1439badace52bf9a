"""What happens, in the domain's words: events from the feed, wishes from the keyboard.

Must not know screens or widgets.
"""

from dataclasses import dataclass
from typing import Any

from textual.message import Message

from engine.protocol.cards import GpuView
from engine.protocol.notifications import Notification
from engine.protocol.people import Me, Session
from engine.protocol.responses import JobRow, Stats

# ---------------------------------------------------------------- from the feed


@dataclass
class GpusRead(Message):
    """The cards were read."""

    gpus: list[GpuView]


@dataclass
class QueueRead(Message):
    """The queue was fetched, in the order in which it is shown. more: there are further jobs than these."""

    jobs: list[JobRow]
    more: bool


@dataclass
class StatsRead(Message):
    """The engine told its own state."""

    stats: Stats


@dataclass
class JobMoved(Message):
    """A job changed its state."""

    job: int
    state: str


@dataclass
class NoticeGiven(Message):
    """The engine tells something of a running job or of a card. told: as `engine.protocol.notices` has it."""

    told: dict[str, Any]


@dataclass
class Notified(Message):
    """The account is told of something as it chose. how: what its terminals do, of the protocol's `TERMINAL`."""

    told: Notification
    how: str


@dataclass
class Recognised(Message):
    """The engine knows who we are: connected."""

    me: Me


@dataclass
class LinkLost(Message):
    """The engine does not answer; the feed tries again by itself."""

    why: str


class LoginNeeded(Message):
    """The engine does not know who we are."""


@dataclass
class LoggedIn(Message):
    """A log-in succeeded."""

    session: Session


# ---------------------------------------------------------------- wishes: one for each command


class Down(Message):
    """One line down."""


class Up(Message):
    """One line up."""


class Left(Message):
    """A step to the left."""


class Right(Message):
    """A step to the right."""


class Top(Message):
    """To the first line."""


class Bottom(Message):
    """To the last line."""


class PageDown(Message):
    """A page down."""


class PageUp(Message):
    """A page up."""


class OpenJob(Message):
    """Open the job under the cursor."""


class ComposeJob(Message):
    """Open the submit form."""


class AskCancel(Message):
    """Ask whether to cancel the job."""


class Confirm(Message):
    """Yes."""


class Decline(Message):
    """No."""


class ToggleHold(Message):
    """Hold a pending job, release a held one."""


class EditFilter(Message):
    """Write a filter."""


class Clear(Message):
    """Drop the filter."""


class ToggleMine(Message):
    """Only my jobs, or everybody's."""


class ToggleFinished(Message):
    """Show finished jobs, or not."""


class ToggleStream(Message):
    """The other output of the job."""


class Refresh(Message):
    """Fetch everything again."""


class NextTheme(Message):
    """The next colour theme."""


class ShowHelp(Message):
    """Show every key."""


class GoBack(Message):
    """Leave this screen."""


class SendForm(Message):
    """Submit what the form says."""


class LogOut(Message):
    """End the session."""


class Quit(Message):
    """Leave; jobs run on."""
