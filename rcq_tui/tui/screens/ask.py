"""A form over a list: questions with their answers, sent by Enter. What is refused is said beside its question.

Must not know what is asked, or what becomes of the answers.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input

from engine.protocol.errors import RcqError, Refused
from rcq_tui.tui.commands import bindings
from rcq_tui.tui.form.questions import Question
from rcq_tui.tui.messages import GoBack, LoginNeeded, SendForm
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandModal
from rcq_tui.tui.widgets.form_row import FormRow
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.text import clean

Texts = Mapping[str, str]
Asked = dict[str, Any]


@dataclass(slots=True, frozen=True, kw_only=True)
class Form:
    """A form. start: answers that stand there at first. read: answers to what is sent, and what is wrong by question;
    what is wrong with all of it stands under the empty name.

    send: carries it out and answers what to say of it; it raises RcqError. fields: names of the engine's, to questions
    that are called otherwise.
    """

    title: str
    questions: Sequence[Question]
    read: Callable[[Texts], tuple[Asked, dict[str, str]]]
    send: Callable[[Asked], Awaitable[str]]
    start: Texts = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


class AskScreen(CommandModal[str | None]):
    """Answers what to say of what was done, or nothing."""

    BINDINGS = bindings("send", "back")

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._sending = False
        self._rows: dict[str, FormRow] = {}

    def compose(self) -> ComposeResult:
        """A line for each question."""
        self._rows = {one.field: FormRow(one, ascii_only=self.desk.ascii_only) for one in self._form.questions}
        with VerticalScroll(id="ask", can_focus=False) as box:
            box.border_title = clean(self._form.title)
            box.border_subtitle = "Enter or ^s: send   Tab: next   Esc: leave"
            yield from self._rows.values()
            yield Words(id="ask-wrong")

    def on_mount(self) -> None:
        """The first question."""
        for name, row in self._rows.items():
            row.text = self._form.start.get(name, row.question.start)
            row.say("", "")
        next(iter(self._rows.values())).answer.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter sends."""
        event.stop()
        self._send()

    def on_send_form(self, message: SendForm) -> None:
        """So does the key."""
        message.stop()
        self._send()

    def on_go_back(self, message: GoBack) -> None:
        """Leave it."""
        message.stop()
        self.dismiss(None)

    def _send(self) -> None:
        asked, wrong = self._form.read({name: row.text for name, row in self._rows.items()})
        self._complain(wrong, wrong.get("", ""))
        if not wrong and not self._sending:
            self._sending = True
            self.run_worker(self._carry_out(asked), name="ask", exclusive=True)

    async def _carry_out(self, asked: Asked) -> None:
        try:
            said = await self._form.send(asked)
        except Refused as refused:
            if refused.code == "UNAUTHENTICATED":
                self.post_message(LoginNeeded())
            self._complain(self._beside(refused), clean(refused.message))
        except RcqError as error:
            self._complain({}, clean(error))
        else:
            self.dismiss(said)
        finally:
            self._sending = False

    def _beside(self, refused: Refused) -> dict[str, str]:
        found: dict[str, str] = {}
        for detail in refused.details:
            name = str(detail.get("field", "")).removeprefix("quota.").partition(".")[0]
            name = self._form.fields.get(name, name)
            if name in self._rows and detail.get("message"):
                found.setdefault(name, str(detail["message"]))
        return found

    def _complain(self, wrong: Mapping[str, str], overall: str) -> None:
        for name, row in self._rows.items():
            row.say(wrong.get(name, ""), "")
        self.query_one("#ask-wrong", Words).put(Content.styled(overall, STYLES["bad"]))
        first = next((row for name, row in self._rows.items() if name in wrong), None)
        if first is not None:
            first.answer.focus()
