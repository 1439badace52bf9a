"""One question of a form: its label, the answer, and beside it a hint, what the answer means, or what is wrong with it.

Must not know how answers are read.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Label

from rcq_tui.tui.form.questions import LINES, SECRET, TICK, TICKED, Question
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.widgets.field import Field, Tick
from rcq_tui.tui.widgets.script_area import ScriptArea
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.text import clean


class FormRow(Horizontal):
    """The answer is text for every kind of question. complaint: what is wrong now; empty for nothing."""

    def __init__(self, question: Question, *, ascii_only: bool) -> None:
        super().__init__(id=f"row-{question.field}", classes=f"question -{question.kind}")
        self.question = question
        self.complaint = ""
        self._cross = "x" if ascii_only else "✗"
        self.answer = _answer(question)
        self._note = Words(id=f"note-{question.field}")
        self._note.add_class("note")

    def compose(self) -> ComposeResult:
        """Label, answer, note."""
        yield Label(self.question.label, classes="label", markup=False)
        yield self.answer
        yield self._note

    @property
    def text(self) -> str:
        """What is answered."""
        if isinstance(self.answer, Tick):
            return TICKED if self.answer.value else ""
        return self.answer.value

    @text.setter
    def text(self, text: str) -> None:
        if isinstance(self.answer, Tick):
            self.answer.value = bool(text)
        elif self.text != text:
            self.answer.value = text

    def say(self, complaint: str, meaning: str) -> None:
        """What is wrong, else what the answer means, else the hint."""
        self.complaint = complaint
        if complaint:
            told = Content.styled(f"{self._cross} {clean(complaint)}", STYLES["bad"])
        elif meaning:
            told = Content.styled(clean(meaning), STYLES["info"])
        else:
            told = Content.styled(self.question.hint, STYLES["quiet"])
        self._note.put(told)
        self.set_class(bool(complaint), "-wrong")


def _answer(question: Question) -> Field | Tick | ScriptArea:
    name = f"in-{question.field}"
    if question.kind == TICK:
        return Tick(id=name)
    if question.kind == LINES:
        return ScriptArea(id=name, most=8 if question.field == "script" else 4)
    return Field(id=name, password=question.kind == SECRET)
