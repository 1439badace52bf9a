"""The submit form: from a command to "it starts at", live. The same form edits the request of a job that waits.

Must not know how fields are read or written (`form`), what the engine checks, or where forms are kept.
"""

from collections.abc import Mapping
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Checkbox, Footer, Input, TextArea

from engine.protocol.errors import RcqError, Refused
from engine.protocol.fields import JobFields
from engine.protocol.responses import JobDetail, Preview
from rcq_tui.tui.ahead import Ahead, Answer
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form.helping import usable
from rcq_tui.tui.form.meaning import meaning
from rcq_tui.tui.form.questions import BY_FIELD, QUESTIONS, blank
from rcq_tui.tui.form.reading import Here, read
from rcq_tui.tui.form.writing import changes, fields_of, texts_of
from rcq_tui.tui.formwishes import BeginAnew, MoreFields, NextField, PreviousField
from rcq_tui.tui.messages import GoBack, LoginNeeded, SendForm
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.confirm import Question as Confirmation
from rcq_tui.tui.widgets.foresight import Foresight
from rcq_tui.tui.widgets.form_row import FormRow
from rcq_tui.tui.widgets.script_area import ScriptArea
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.foresight import edit_lines, lost_lines, preview_lines, refused_lines, spoken, unread_lines
from rcq_tui.viewmodel.text import clean

_REFRESH_S = 20.0
"""Others' jobs come and go while one thinks."""
_WIDE = 132
"""Cells from which on the foresight stands beside the form."""


class Taken(NamedTuple):
    """What came of a form. says: for a note that passes. job: the id, of an edited job its own."""

    job: int
    says: str


class SubmitScreen(CommandScreen[Taken | None]):
    """Answers what became of the form, or nothing. Fields keep what was written until the engine took it.

    prefill: what stands there at first. editing: the job whose request is changed; then only what differs is sent.
    """

    CSS_PATH = "../submit.tcss"
    BINDINGS = bindings("send", "more-fields", "back", "empty-form", "next-field", "previous-field")

    def __init__(self, prefill: JobFields | None = None, editing: JobDetail | None = None) -> None:
        super().__init__()
        self._prefill = prefill
        self.editing = editing
        self._rows: dict[str, FormRow] = {}
        self._first: dict[str, str] = {}
        self._engine_says: dict[str, str] = {}
        self._tried = False
        self._sending = False
        self._more = False
        self._preview: Preview | None = None
        self._ahead = Ahead(self._ask, self._told)

    async def _ask(self, job: JobFields) -> Preview:
        return await self.desk.api.preview(job)

    # ------------------------------------------------------------ looks

    def compose(self) -> ComposeResult:
        """A line for each question; below or beside them what would become of the job."""
        ascii_only = self.desk.ascii_only
        asked = [one for one in QUESTIONS if not (self.editing and one.fixed)]
        self._rows = {one.field: FormRow(one, ascii_only=ascii_only) for one in asked}
        with Container(id="submit-page"):
            with VerticalScroll(id="submit", can_focus=False) as form:
                form.border_title = self._title()
                yield from (row for row in self._rows.values() if row.question.everyday)
                yield Words(id="more-line")
                yield from (row for row in self._rows.values() if not row.question.everyday)
            self._foresight = Foresight(ascii_only=ascii_only, editing=self.editing is not None)
            yield self._foresight
        yield Words(id="submit-error")
        yield Footer()

    def _title(self) -> str:
        return "Submit a job" if self.editing is None else f"Edit job {self.editing.id}"

    def on_mount(self) -> None:
        """The command first."""
        self._first = self._texts_at_first()
        self.put(self._first)
        draft = None if self._prefill or self.editing else self.desk.forms.kept.draft(self._account)
        if draft:
            self.put(draft)
            self.query_one("#submit").border_subtitle = "what you had not sent yet; ^n begins anew"
        self._unfold(any(self._differs(one.field) for one in QUESTIONS if not one.everyday))
        self.query_one("#in-script", ScriptArea).focus()
        self.query_one("#submit-error").display = False
        if self.editing is None:
            self.run_worker(self._ahead.run(), name="preview", group="preview")
            self.watch(self.desk, "lost", self._ahead.again, init=False)
            self.set_interval(_REFRESH_S, self._ahead.again)
        self._foresee()

    def on_resize(self) -> None:
        """What would become of the job stands beside the form where there is room."""
        self.set_class(self.size.width >= _WIDE, "-wide")

    def on_unmount(self) -> None:
        """However it is left, nothing typed is lost."""
        self._keep_draft()

    def _texts_at_first(self) -> dict[str, str]:
        empty = blank(self.desk.workdir)
        if self.editing is not None:
            return texts_of(fields_of(self.editing, 0.0))
        usual = self.desk.forms.kept.usual()
        if self._prefill is None:
            return empty | usual
        given = texts_of(self._prefill)
        if self._prefill.workdir is None:  # a command alone: the rest as in any new form
            told = {field: text for field, text in given.items() if text and text != texts_of(JobFields())[field]}
            return empty | usual | told
        return given

    # ------------------------------------------------------------ what is written

    @property
    def _account(self) -> str:
        return self.desk.me.account if self.desk.me else ""

    @property
    def here(self) -> Here:
        """What texts mean here and now."""
        return self.desk.forms.here()

    def texts(self) -> dict[str, str]:
        """What is written in each field."""
        return {field: row.text for field, row in self._rows.items()}

    def put(self, texts: Mapping[str, str]) -> None:
        """Write into the fields that are named."""
        for field, text in texts.items():
            if field in self._rows:
                self._rows[field].text = text

    def _differs(self, field: str) -> bool:
        return field in self._rows and self._rows[field].text.strip() != BY_FIELD[field].start

    def _keep_draft(self) -> None:
        if self.editing is None and not self._sending and self._rows and self.texts() != self._first:
            self.desk.forms.kept.keep_draft(self._account, self.texts())

    def on_input_changed(self, event: Input.Changed) -> None:
        """A letter was typed."""
        self._written(event.input.id)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """A letter was typed."""
        self._written(event.text_area.id)

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """A box was ticked, or not."""
        self._written(event.checkbox.id)

    def _written(self, widget: str | None) -> None:
        field = (widget or "").removeprefix("in-")
        self._engine_says.pop(field, None)
        self._judge()
        self._foresee()

    def _judge(self) -> tuple[JobFields, dict[str, str]]:
        """Say beside each field what is wrong or what it means."""
        here, texts = self.here, self.texts()
        job, wrong = read(texts, here)
        for field, row in self._rows.items():
            own = wrong.get(field, "") if self._tried or row.text.strip() else ""
            complaint = own or self._engine_says.get(field, "")
            row.say(complaint, meaning(field, row.text, here))
        self._say_more()
        return job, wrong

    # ------------------------------------------------------------ foresight

    def _foresee(self) -> None:
        """Ask again what would become of it; until the answer is there the old one is said to be old."""
        job, wrong = read(self.texts(), self.here)
        if self.editing is not None:
            self._foresight.show(edit_lines(self._first, self.texts()))
        elif wrong:
            self._ahead.want(None)
            self._foresight.show(unread_lines(wrong, empty="script" in wrong))
        else:
            self._foresight.ask()
            self._ahead.want(job)

    def _told(self, answer: Answer) -> None:
        """The engine's answer about what stands there."""
        self._keep_draft()
        ascii_only, now = self.desk.ascii_only, self.desk.clock()
        if isinstance(answer, Preview):
            self._preview, self._engine_says = answer, {}
            self._foresight.show(preview_lines(answer, usable(answer.helps), now, ascii_only=ascii_only))
        elif isinstance(answer, Refused) and answer.code == "UNAUTHENTICATED":
            self.post_message(LoginNeeded())
        elif isinstance(answer, Refused):
            self._preview, self._engine_says = None, by_field(answer)
            self._foresight.show(refused_lines(answer.message, ascii_only=ascii_only))
        else:
            self._preview = None
            self._foresight.show(lost_lines(str(answer)))
        self._judge()

    # ------------------------------------------------------------ fields

    def _unfold(self, more: bool) -> None:
        self._more = more
        for row in self._rows.values():
            row.display = more or row.question.everyday
        self._say_more()

    def _say_more(self) -> None:
        hidden = [row.question.label for row in self._rows.values() if not row.question.everyday]
        used = [row.question.label for field, row in self._rows.items() if not row.question.everyday and row.text]
        sign = ("v" if self._more else ">") if self.desk.ascii_only else ("▾" if self._more else "▸")
        told = f"{sign} ^o {'fewer' if self._more else 'more'}: "
        said = Content.assemble((told, STYLES["info"]), (", ".join(hidden).lower(), STYLES["quiet"]))
        if used and not self._more:
            said = Content.assemble((told, STYLES["info"]), ("set: " + ", ".join(used).lower(), STYLES["warn"]))
        self.query_one("#more-line", Words).put(said)

    def on_more_fields(self, message: MoreFields) -> None:
        """All fields, or the everyday ones."""
        message.stop()
        self._unfold(not self._more)
        if not self._more and self.focused is not None and not self.focused.is_on_screen:
            self.query_one("#in-script", ScriptArea).focus()

    def on_next_field(self, message: NextField) -> None:
        """Down."""
        message.stop()
        self.focus_next()

    def on_previous_field(self, message: PreviousField) -> None:
        """Up."""
        message.stop()
        self.focus_previous()

    def on_begin_anew(self, message: BeginAnew) -> None:
        """An empty form; of an edited job, as it is."""
        message.stop()
        if self.editing is None:
            self.desk.forms.kept.drop_draft(self._account)
            self._first = blank(self.desk.workdir) | self.desk.forms.kept.usual()
        self._tried = False
        self._engine_says = {}
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
        self._tried, self._engine_says = True, {}
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


def by_field(refused: Refused) -> dict[str, str]:
    """The engine's complaints by the form's fields; those about `command` belong to the command line."""
    found: dict[str, str] = {}
    for detail in refused.details:
        field = str(detail.get("field", ""))
        name = "script" if field == "command" else field.partition(".")[0]
        if name in BY_FIELD and detail.get("message"):
            found.setdefault(name, str(detail["message"]))
    return found
