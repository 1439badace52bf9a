"""The application: it holds the state that the feed brings, and carries out what the screens wish.

State goes down (screens watch it), wishes come up (messages). Must not know widgets or how calls travel.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.events import Event, InputEvent
from textual.reactive import var
from textual.screen import Screen

from engine.protocol.cards import GpuView
from engine.protocol.errors import RcqError
from engine.protocol.people import Me
from engine.protocol.responses import JobRow, Stats
from rcq_tui.client.calls import Calls
from rcq_tui.tui import adminwishes, messages
from rcq_tui.tui.appearance import Dressed
from rcq_tui.tui.cardwishes import CardWishes
from rcq_tui.tui.changes import SparingApp
from rcq_tui.tui.downfall import Discreet
from rcq_tui.tui.feed import Feed
from rcq_tui.tui.forms import Forms
from rcq_tui.tui.jobdeeds import JobDeeds
from rcq_tui.tui.jobforms import JobForms
from rcq_tui.tui.nodewishes import NodeWishes
from rcq_tui.tui.pace import Pace
from rcq_tui.tui.places import PLACES, place_named
from rcq_tui.tui.queuemessages import QueueRead, QueueRefused
from rcq_tui.tui.remembered import Remembered
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.help import HelpScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.screens.line import LineScreen, Meant
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.tui.themes import THEMES
from rcq_tui.tui.warming import warm
from rcq_tui.viewmodel import looks, notices, notifications
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.ringing import ringing
from rcq_tui.viewmodel.text import clean, cut

_NOTICE_S = 15.0
"""Seconds for which a notice stands on the screen: nobody asked for it, so nobody waits for it."""
_SESSION_ENDED = "Your session has ended: a newer log-in may have taken its place. Log in again."
_TOAST_MOST = 400
"""Cells of what pops up: more would cover the screen."""


class RcqApp(Discreet, Dressed, CardWishes, NodeWishes, SparingApp):
    """The terminal UI over one engine.

    me: who the caller is, if that is known already. save_token and forget_token are called with what a log-in got and
    after a log-out. clock: Unix seconds. workdir: where submitted commands run unless told otherwise. theme: instead of
    the remembered one. terminal: its kind (TERM). at_home: the person is the Unix user that this runs as; else
    files of that user are neither read nor written for them.
    """

    CSS_PATH = "rcq.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "rcq"

    # What changes here is drawn by who watches it; a plain reactive of an app has the whole screen drawn anew.
    me: var[Me | None] = var(None)
    stats: var[Stats | None] = var(None)
    gpus: var[list[GpuView]] = var(list, always_update=True)
    jobs: var[list[JobRow]] = var(list, always_update=True)
    refused: var[str] = var("")
    """What is wrong with the search, in the engine's words; empty while nothing is."""
    lost: var[str] = var("")
    """Why the engine does not answer; empty while it does."""

    _base: ClassVar[int] = 2
    """Screens below which there is nothing to leave: Textual's own and the dashboard."""

    def __init__(
        self,
        api: Calls,
        me: Me | None = None,
        *,
        clock: Callable[[], float] = time.time,
        pace: Pace | None = None,
        save_token: Callable[[str], object] | None = None,
        forget_token: Callable[[], object] | None = None,
        workdir: str | None = None,
        ascii_only: bool = False,
        theme: str | None = None,
        terminal: str = "",
        remembered: Remembered | None = None,
        at_home: bool = True,
    ) -> None:
        super().__init__()
        self.api = api
        self.clock = clock
        self.pace = pace or Pace()
        self.workdir = workdir or (_here() if at_home else "")
        self.histories: dict[str, History] = {}
        self.remembered = remembered or Remembered()
        self.at_home = at_home
        self.deeds = JobDeeds(self)
        self.forms = Forms(self)
        self.jobforms = JobForms(self)
        self.look = looks.look_of(self.remembered.of("queue", {}))
        self.extent = looks.Extent(busy=True)
        self.anew = False
        self.dress(theme, ascii_only=ascii_only, terminal=terminal)
        self.mouse_taken = True
        self._is_warm = False
        self.me = me
        self._save_token = save_token
        self._forget_token = forget_token
        self._feed = Feed(api, self.post_message, self.pace, self.look)

    def on_mount(self) -> None:
        """The dashboard, and the feed that fills it."""
        self.set_class(self.ascii_only, "-ascii")
        self.push_screen(DashboardScreen())
        self._start_feed()
        self.go(self.remembered.of("place", PLACES[0].name))

    async def on_event(self, event: Event) -> None:
        """What is typed after the key that leaves is for nobody; there may be no screen for it any more."""
        if self.return_code is None or not isinstance(event, InputEvent):
            await super().on_event(event)

    def _start_feed(self) -> None:
        self.run_worker(self._feed.run(), name="feed", group="feed", exclusive=True)

    # ------------------------------------------------------------ what the feed tells

    def on_recognised(self, message: messages.Recognised) -> None:
        """The engine knows us."""
        self.me, self.lost = message.me, ""

    def on_gpus_read(self, message: messages.GpusRead) -> None:
        """New readings; they are remembered for two minutes."""
        now = self.clock()
        for card in message.gpus:
            self.histories.setdefault(card.uuid, History()).add(now, card.utilization)
        self.gpus = message.gpus

    def on_stats_read(self, message: messages.StatsRead) -> None:
        """New figures."""
        self.stats = message.stats

    def on_queue_read(self, message: QueueRead) -> None:
        """The queue as it is now."""
        if not self._is_warm:
            self._is_warm = True
            self.run_worker(warm(self), name="warming", group="warming")
        self.refused, self.extent, self.anew = "", message.extent, message.anew
        self.jobs = message.jobs

    def on_queue_refused(self, message: QueueRefused) -> None:
        """The search is wrong; nothing is found by it."""
        self.refused, self.extent, self.anew = clean(message.why), looks.Extent(), True
        self.jobs = []

    def on_notice_given(self, message: messages.NoticeGiven) -> None:
        """Say it once; while it lasts the queue and the job's screen show it."""
        self.notify(cut(notices.toast(message.told), _TOAST_MOST), severity="warning", timeout=_NOTICE_S, markup=False)

    def on_notified(self, message: messages.Notified) -> None:
        """Say it, and have the terminal ring as the account chose."""
        words = notifications.subject(message.told)
        self.notify(words, timeout=_NOTICE_S, markup=False)
        if self._driver is not None and not self.is_headless:
            self._driver.write(ringing(words, message.how, in_tmux="TMUX" in os.environ))
            self._driver.flush()

    def on_link_lost(self, message: messages.LinkLost) -> None:
        """Say so; the feed goes on trying."""
        self.lost = message.why

    def on_login_needed(self) -> None:
        """Ask who is there, and say why where nobody here asked for that. The next one may be somebody else."""
        why = "" if self.me is None else _SESSION_ENDED
        self.me, self.lost = None, ""
        self.jobs, self.gpus, self.nodes, self.stats = [], [], [], None
        if not isinstance(self.screen, LoginScreen):
            self._only_dashboard()
            self.push_screen(LoginScreen(why))

    def on_logged_in(self, message: messages.LoggedIn) -> None:
        """Keep the token, and begin."""
        session = message.session
        self._only_dashboard()
        if self._save_token is not None:
            try:
                self._save_token(session.token)
            except RcqError as error:  # a full disk ends no session: it lasts as long as this runs
                self.complain(error)
        self._start_feed()

    def _only_dashboard(self) -> None:
        while len(self.screen_stack) > self._base:
            self.pop_screen()

    # ------------------------------------------------------------ what the queue shows

    def look_at(self, look: looks.Look) -> None:
        """Want other jobs in the queue; the choice is remembered."""
        self.look = look
        self.remembered.keep("queue", looks.remembered(look))
        self._feed.queue.look(look)

    def see_queue(self, top: int, bottom: int, *, far: bool = False) -> None:
        """These rows are on the screen; far: somebody goes on to the end."""
        self._feed.queue.see(top, bottom, far=far)

    def look_from_top(self) -> None:
        """Fetch the queue from its beginning."""
        self._feed.queue.from_top()

    def on_refresh(self) -> None:
        """Fetch again, and draw again what is there."""
        self.draw_anew()
        self._feed.queue.refresh()

    # ------------------------------------------------------------ jobs

    def open_job(self, job: JobRow) -> None:
        """Its screen, unless it is somebody else's."""
        if job.redacted:
            self.notify(f"Job {job.id} belongs to group {clean(job.group)}; its details are private.", markup=False)
        elif self.is_free_for(JobScreen):
            self.push_screen(JobScreen(job.id))

    def show_job(self, number: int) -> None:
        """Its screen, in the place of another job's."""
        while isinstance(self.screen, JobScreen):
            self.pop_screen()
        self.push_screen(JobScreen(number))

    def on_edit_job(self) -> None:
        """Change the request of the job that is chosen."""
        self.jobforms.edit(self._chosen_jobs())

    def on_redo_job(self) -> None:
        """Submit it once more."""
        self.jobforms.redo(self._chosen_jobs())

    def on_clone_job(self) -> None:
        """Submit another one like it."""
        self.jobforms.clone(self._chosen_jobs())

    def _chosen_jobs(self) -> Sequence[JobRow]:
        return self.screen.chosen_jobs() if isinstance(self.screen, CommandScreen) else ()

    def on_compose_job(self, message: messages.ComposeJob) -> None:
        """The submit form, with the command that is said."""
        self.forms.open(message.said)

    def on_open_last(self) -> None:
        """The job that was submitted last."""
        if self.forms.last is None:
            self.notify("You have submitted nothing here yet; s submits a job.", markup=False)
        elif self.is_free_for(JobScreen):
            self.push_screen(JobScreen(self.forms.last))

    def is_free_for(self, kind: type[Screen[Any]]) -> bool:
        """Whether no such screen is open: keys typed ahead over a slow line must not open it twice."""
        return not any(isinstance(screen, kind) for screen in self.screen_stack)

    def complain(self, error: RcqError) -> None:
        """Show what the engine said."""
        self.notify(cut(clean(error), _TOAST_MOST), severity="error", markup=False)

    # ------------------------------------------------------------ the application itself

    def on_show_help(self) -> None:
        """Every key."""
        if self.is_free_for(HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def start_over(self) -> None:
        """Make the screens anew; one stays where one was."""
        self._only_dashboard()
        self.switch_screen(DashboardScreen())
        self.go(self.remembered.of("place", PLACES[0].name))

    def on_toggle_mouse(self) -> None:
        """Leave the mouse to the terminal, so that it selects text as everywhere else; or take it again."""
        driver = self._driver
        if driver is None or self.is_headless or self.is_web:
            return
        self.mouse_taken = not self.mouse_taken
        if self.mouse_taken:
            driver._enable_mouse_support()  # type: ignore[attr-defined]  # Textual has no public name for it
            self.notify("The mouse is rcq's again.", markup=False)
        else:
            driver._disable_mouse_support()  # type: ignore[attr-defined]
            self.notify("The mouse is the terminal's: select and copy. M takes it back.", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Put it into the clipboard of the person's terminal (OSC 52), and say so."""
        self.copy_to_clipboard("\n".join(map(clean, text.split("\n"))))
        self.notify(f"Copied {clean(what)}, if your terminal lets programs write to its clipboard.", markup=False)

    # ------------------------------------------------------------ the command line

    def open_line(self, text: str, *, palette: bool = False) -> None:
        """Type a command for the screen that is there."""
        below = self.screen
        if not isinstance(below, CommandScreen) or not self.is_free_for(LineScreen):
            return

        def answered(meant: Meant | None) -> None:
            if meant is not None and below.is_current:
                below.carry_out(meant.command, meant.said)

        self.push_screen(LineScreen(below, text, palette=palette), answered)

    def on_open_line(self, _message: messages.OpenLine) -> None:
        """An empty one."""
        self.open_line("")

    def on_open_palette(self, _message: messages.OpenPalette) -> None:
        """With everything to choose from."""
        self.open_line("", palette=True)

    def choices(self, kind: str) -> list[str]:
        """Words that complete an argument of a command."""
        if kind == "themes":
            return list(THEMES)
        if kind == "gpus":
            return [str(card.index) for card in self.gpus]
        if kind == "nodes":
            return [node.name for node in self.nodes]
        return [str(job.id) for job in self.jobs] if kind == "jobs" else []

    # ------------------------------------------------------------ places

    def on_go_to(self, message: messages.GoTo) -> None:
        """To a place."""
        self.go(message.said)

    def go(self, name: str) -> None:
        """To a place; it is remembered for the next start."""
        place = place_named(name) or PLACES[0]
        self._only_dashboard()
        self.remembered.keep("place", place.name)
        if place.module:
            self.push_screen(place.screen())
        elif isinstance(self.screen, DashboardScreen):
            self.screen.show_place(place.name)

    def on_go_to_admin(self, message: adminwishes.GoToAdmin) -> None:
        """To a page of the admin place."""
        self.remembered.keep("admin-page", message.said)
        self.go("admin")

    def on_go_to_job(self, message: messages.GoToJob) -> None:
        """Open a job by its id."""
        if not message.said.isascii() or not message.said.isdigit():
            self.notify(f"{clean(message.said)} is no job's id. Ids are whole numbers.", markup=False)
            return
        self.show_job(int(message.said))

    def on_log_out(self) -> None:
        """End the session and ask who is there; the feed stops until somebody is."""
        self.workers.cancel_group(self, "feed")
        self.run_worker(self._log_out(), name="logout", group="calls")

    async def _log_out(self) -> None:
        try:
            await self.api.logout()
        except RcqError as error:
            self.complain(error)
        if self._forget_token is not None:
            try:
                self._forget_token()
            except OSError as error:
                said = f"The kept token, which is worth nothing now, stays: {clean(error.strerror)}."
                self.notify(said, severity="error", markup=False)
        self.me = None
        self.post_message(messages.LoginNeeded())

    def on_quit(self) -> None:
        """Leave; jobs run on."""
        self.exit(0)


def _here() -> str:
    """Where this runs, as text: it is typed into a field. Empty where that folder is gone."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""
