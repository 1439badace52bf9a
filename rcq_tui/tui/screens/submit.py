"""The submit form: from a command to "it starts at", live. The same form edits the request of a job that waits.

Must not know what is asked or how it is drawn (`formscreen`), what the engine checks, or where forms are kept.
"""

from textual.content import Content
from textual.widgets import Input

from engine.protocol.errors import RcqError, Refused
from engine.protocol.fields import JobFields
from engine.protocol.responses import JobDetail
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form.questions import BY_FIELD, blank
from rcq_tui.tui.form.reading import read
from rcq_tui.tui.form.writing import changes
from rcq_tui.tui.formscreen import FormScreen, Taken, by_field
from rcq_tui.tui.formwishes import BeginAnew
from rcq_tui.tui.messages import GoBack, LoginNeeded, SendForm
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.confirm import Question as Confirmation
from rcq_tui.tui.widgets.script_area import ScriptArea
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.foresight import spoken
from rcq_tui.viewmodel.text import clean


class SubmitScreen(FormScreen):
    """Answers what became of the form, or nothing. Fields keep what was written until the engine took it.

    prefill: what stands there at first. editing: the job whose request is changed; then only what differs is sent.
    """

    CSS_PATH = "submit.tcss"
    BINDINGS = bindings(
        "send", "choose", "follow-help", "more-fields", "past-forms", "named-forms", "edit-script", "back",
        "empty-form", "palette", "next-field", "previous-field",
    )  # fmt: skip

    def __init__(self, prefill: JobFields | None = None, editing: JobDetail | None = None) -> None:
        super().__init__(prefill, editing)
        self._sending = False
        self._sent = False

    def on_unmount(self) -> None:
        """However it is left, nothing typed is lost."""
        if not self._sent:
            self._keep_draft()

    def on_begin_anew(self, message: BeginAnew) -> None:
        """An empty form; of an edited job, as it is."""
        message.stop()
        if self.editing is None:
            self.desk.forms.kept.drop_draft(self._account)
            self._first = blank(self.desk.workdir) | self.desk.forms.kept.usual()
        self._tried = False
        self._engine_says, self._refusals = {}, {}
        self.put(self._first)
        self._complain({}, "")
        self.query_one("#submit").border_subtitle = ""
        self.query_one("#in-script", ScriptArea).focus()

    # ------------------------------------------------------------ sending

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter sends."""
        event.stop()
        self._send()

    def on_script_area_sent(self, event: ScriptArea.Sent) -> None:
        """Enter behind a command of one line, too."""
        event.stop()
        self._send()

    def on_send_form(self, message: SendForm) -> None:
        """So does the key."""
        message.stop()
        self._send()

    def _send(self) -> None:
        if self._sending:
            return
        self._tried, self._engine_says, self._refusals = True, {}, {}
        job, wrong = self._judge()
        self._complain(wrong, "")
        if not wrong:
            self._sending = True
            work = self._submit(job) if self.editing is None else self._edit(self.editing, job)
            self.run_worker(work, name="submit", group="submit")

    async def _submit(self, job: JobFields) -> None:
        try:
            number = await self.desk.api.submit(job)
        except RcqError as error:
            self._refused(error)
            return
        self._sent = True
        kept = self.desk.forms.kept
        kept.keep_past(self.texts())
        kept.drop_draft(self._account)
        starts = f" {spoken(self._preview, self.desk.clock())}" if self._preview else ""
        self.dismiss(Taken(number, f"Submitted as job {number}.{starts} o opens it."))

    async def _edit(self, before: JobDetail, job: JobFields) -> None:
        changed = changes(read(self._first, self.here)[0], job)
        if not changed:
            self._sending = False
            self._complain({}, "Nothing is changed yet; Esc leaves it as it is.")
            return
        try:
            await self.desk.api.edit(before.id, changed)
        except RcqError as error:
            self._refused(error)
            return
        self.dismiss(Taken(before.id, f"Job {before.id} is changed: {', '.join(map(clean, changed))}."))

    def _refused(self, error: RcqError) -> None:
        self._sending = False
        if isinstance(error, Refused) and error.code == "UNAUTHENTICATED":
            self.post_message(LoginNeeded())
        elif isinstance(error, Refused):
            self._engine_says = by_field(error)
            self._refusals = dict(self._engine_says)  # what is foretold later does not take them back
            self._complain(self._engine_says, clean(error.message))
        else:
            self._complain({}, f"{clean(error)} What you wrote is kept.")

    def _complain(self, wrong: dict[str, str], overall: str) -> None:
        self._judge()
        line = self.query_one("#submit-error", Words)
        line.put(Content.styled(overall, STYLES["bad"]))
        line.display = bool(overall)
        first = next((field for field in self._rows if field in wrong), None)
        if first is not None:
            if not BY_FIELD[first].everyday:
                self._unfold(True)
            self._rows[first].answer.focus()

    # ------------------------------------------------------------ leaving

    def on_go_back(self, message: GoBack) -> None:
        """Leave; what was written is kept, or of an edited job asked about."""
        message.stop()
        if self.texts() == self._first or self._sending:
            self.dismiss(None)
        elif self.editing is None:
            self.dismiss(None)
            self.desk.notify("What you wrote is kept until you send it; s goes on.", markup=False)
        elif self.desk.is_free_for(ConfirmScreen):
            self.desk.push_screen(ConfirmScreen(_leaves(self.editing.id)), self._left)

    def _left(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(None)


def _leaves(job: int) -> Confirmation:
    return Confirmation(
        title=f"Leave job {job} as it is?",
        lines=[],
        warning="What you changed in the form is lost.",
        yes="Leave it",
        keep="Go on editing",
    )
