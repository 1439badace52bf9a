"""The submit form. What the engine refuses is written beside the field that it is about.

Must not know how fields are read (`form`) or what the engine checks.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Input, Label, Static

from engine.protocol.errors import RcqError, Refused
from engine.protocol.fields import JobFields
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form import QUESTIONS, Question, read_form
from rcq_tui.tui.messages import GoBack, SendForm
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.widgets.field import Field, Tick
from rcq_tui.viewmodel.text import clean


class SubmitScreen(CommandScreen[int | None]):
    """Answers the id of the job, or nothing. Fields keep what was written until the engine took the job."""

    BINDINGS = bindings("send", "back")

    def compose(self) -> ComposeResult:
        """A line for each question: label, field, hint or complaint."""
        with VerticalScroll(id="submit", can_focus=False) as form:
            form.border_title = "Submit a job"
            form.border_subtitle = "Tab: next field   Enter or ^s: send   Esc: leave"
            for question in QUESTIONS:
                with Horizontal(classes="question"):
                    yield Label(question.label, classes="label", markup=False)
                    yield self._field(question)
                    yield Static(self._hint(question), id=f"note-{question.field}", classes="note", markup=False)
            yield Static("", id="submit-error", markup=False)
        yield Footer()

    def _field(self, question: Question) -> Field | Tick:
        if question.yes_no:
            return Tick(id=f"in-{question.field}")
        start = self.desk.workdir if question.field == "workdir" else question.start
        return Field(start, id=f"in-{question.field}")

    def _hint(self, question: Question) -> Content:
        return Content.styled(question.hint, STYLES["quiet"])

    def on_mount(self) -> None:
        """The command first."""
        self.query_one("#in-script", Field).focus()
        self.query_one("#submit-error").display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter sends."""
        event.stop()
        self._send()

    def on_send_form(self, message: SendForm) -> None:
        """So does the key."""
        message.stop()
        self._send()

    def on_go_back(self, message: GoBack) -> None:
        """Leave without a job."""
        message.stop()
        self.dismiss(None)

    def _send(self) -> None:
        texts = {one.field: self.query_one(f"#in-{one.field}", Field).value for one in QUESTIONS if not one.yes_no}
        ticks = {one.field: self.query_one(f"#in-{one.field}", Tick).value for one in QUESTIONS if one.yes_no}
        job, wrong = read_form(texts, ticks)
        self._complain(wrong, "")
        if not wrong:
            self.run_worker(self._submit(job), name="submit", exclusive=True)

    async def _submit(self, job: JobFields) -> None:
        try:
            number = await self.desk.api.submit(job)
        except Refused as refused:
            self._complain(_by_field(refused), clean(refused.message))
        except RcqError as error:
            self._complain({}, clean(error))
        else:
            self.dismiss(number)

    def _complain(self, wrong: dict[str, str], overall: str) -> None:
        for question in QUESTIONS:
            note = self.query_one(f"#note-{question.field}", Static)
            complaint = wrong.get(question.field)
            note.update(
                self._hint(question) if complaint is None else Content.styled("✗ " + clean(complaint), STYLES["bad"])
            )
            note.parent.set_class(complaint is not None, "-wrong")  # type: ignore[union-attr]  # each has its row
        line = self.query_one("#submit-error", Static)
        line.update(overall)
        line.display = bool(overall)
        first = next((one.field for one in QUESTIONS if one.field in wrong), None)
        if first is not None:
            self.query_one(f"#in-{first}").focus()


def _by_field(refused: Refused) -> dict[str, str]:
    """The engine's complaints by the form's fields; those about `command` belong to the command line."""
    known = {question.field for question in QUESTIONS}
    found: dict[str, str] = {}
    for detail in refused.details:
        field = str(detail.get("field", ""))
        field = "script" if field == "command" else field
        if field in known and detail.get("message"):
            found.setdefault(field, str(detail["message"]))
    return found
