"""What happens, in the domain's words: events from the feed, wishes from the keyboard.

Must not know screens or widgets.
"""

from dataclasses import dataclass
from typing import Any

from textual.message import Message

from engine.protocol.cards import GpuView
from engine.protocol.notifications import Notification
from engine.protocol.people import Me, Session
from engine.protocol.responses import Stats

# ---------------------------------------------------------------- from the feed


@dataclass
class GpusRead(Message):
    """The cards were read."""

    gpus: list[GpuView]


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


class Wish(Message):
    """What a command asks for. said: what stood behind its name on the `:` line, empty where a key was pressed."""

    def __init__(self, said: str = "") -> None:
        super().__init__()
        self.said = said


class Down(Wish):
    """One line down."""


class Up(Wish):
    """One line up."""


class Left(Wish):
    """A step to the left."""


class Right(Wish):
    """A step to the right."""


class Top(Wish):
    """To the first line."""


class Bottom(Wish):
    """To the last line."""


class PageDown(Wish):
    """A page down."""


class PageUp(Wish):
    """A page up."""


class OpenJob(Wish):
    """Open the job under the cursor."""


class ComposeJob(Wish):
    """Open the submit form."""


class AskCancel(Wish):
    """Ask whether to cancel the job."""


class Confirm(Wish):
    """Yes."""


class Decline(Wish):
    """No."""


class ToggleHold(Wish):
    """Hold a pending job, release a held one."""


class EditFilter(Wish):
    """Write a filter."""


class Clear(Wish):
    """Drop the filter."""


class ToggleMine(Wish):
    """Only my jobs, or everybody's."""


class ToggleFinished(Wish):
    """Show finished jobs, or not."""


class ToggleStream(Wish):
    """The other output of the job."""


class Refresh(Wish):
    """Fetch everything again."""


class NextTheme(Wish):
    """The next colour theme."""


class ShowHelp(Wish):
    """Show every key."""


class GoBack(Wish):
    """Leave this screen."""


class SendForm(Wish):
    """Submit what the form says."""


class LogOut(Wish):
    """End the session."""


class Quit(Wish):
    """Leave; jobs run on."""


class GoToJob(Wish):
    """Open the job whose id is said."""


class ToggleMouse(Wish):
    """Leave the mouse to the terminal, or take it again."""


class Copy(Wish):
    """Copy the id of what is under the cursor."""


class OpenLine(Wish):
    """Type a command."""


class OpenPalette(Wish):
    """Look for a command."""


class GoTo(Wish):
    """Go to the place that is said."""


class CompleteLine(Wish):
    """Complete what is typed."""
