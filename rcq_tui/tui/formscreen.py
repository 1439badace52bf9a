"""The form for a job's request: its fields, what is wrong with them as one types, and when the job would start.

Must not know what is done with the request in the end (`screens.submit`), nor how fields are read and written (`form`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Checkbox, Input, TextArea

from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.responses import JobDetail, Preview
from rcq_tui.tui.ahead import Ahead, Answer
from rcq_tui.tui.form.helping import usable
from rcq_tui.tui.form.meaning import meaning
from rcq_tui.tui.form.questions import BY_FIELD, CLUSTER, QUESTIONS, blank
from rcq_tui.tui.form.reading import Here, read
from rcq_tui.tui.form.writing import fields_of, texts_of
from rcq_tui.tui.formaids import FormAids
from rcq_tui.tui.formwishes import (
    Choose,
    EditScript,
    FollowHelp,
    LoadScript,
    MoreFields,
    NextField,
    PreviousField,
    SaveForm,
    ShowNamed,
    ShowPast,
)
from rcq_tui.tui.messages import LoginNeeded, Wish
from rcq_tui.tui.palette import STYLES
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.foresight import Foresight
from rcq_tui.tui.widgets.form_row import FormRow
from rcq_tui.tui.widgets.script_area import ScriptArea
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.foresight import edit_lines, lost_lines, preview_lines, refused_lines, unread_lines

_REFRESH_S = 20.0
"""Others' jobs come and go while one thinks."""
_TALL = 40
"""Lines from which on all fields are shown at once."""
_WIDE = 132
"""Cells from which on the foresight stands beside the form."""


class Taken(NamedTuple):
    """What came of a form. says: for a note that passes. job: the id, of an edited job its own."""

    job: int
    says: str


class FormScreen(CommandScreen[Taken | None]):
    """prefill: what stands there at first. editing: the job whose request is changed."""

    KEYLESS: ClassVar[tuple[str, ...]] = ("save-form", "load-script")

    def __init__(self, prefill: JobFields | None = None, editing: JobDetail | None = None) -> None:
        super().__init__()
        self._prefill = prefill
        self.editing = editing
        self._rows: dict[str, FormRow] = {}
        self._first: dict[str, str] = {}
        self._engine_says: dict[str, str] = {}
        self._refusals: dict[str, str] = {}
        self._tried = False
        self._more = False
        self._preview: Preview | None = None
        self._ahead = Ahead(self._ask, self._told)
        self._aids = FormAids(self)
        self._walked = 0
        self._walked_to: dict[str, str] = {}
        self._unsent: dict[str, str] = {}

    async def _ask(self, job: JobFields) -> Preview:
        return await self.desk.api.preview(job)

    # ------------------------------------------------------------ looks

    def compose(self) -> ComposeResult:
        """A line for each question; below or beside them what would become of the job."""
        ascii_only = self.desk.ascii_only
        asked = [one for one in QUESTIONS if not (self.editing and one.fixed) and self._is_asked(one.field)]
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
        yield Foot()

    def _is_asked(self, field: str) -> bool:
        if field != CLUSTER:
            return True
        stats, given = self.desk.stats, self.editing or self._prefill
        return (stats is not None and len(stats.backends) > 1) or (given is not None and given.anywhere)

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
        is_tall = self.desk.size.height >= _TALL
        self._unfold(is_tall or any(self._differs(one.field) for one in QUESTIONS if not one.everyday))
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

    def text_of(self, field: str) -> str:
        """What is written in one."""
        return self._rows[field].text if field in self._rows else ""

    def write(self, texts: Mapping[str, str]) -> None:
        """Write into fields and show them."""
        if any(field in self._rows and not BY_FIELD[field].everyday and text for field, text in texts.items()):
            self._unfold(True)
        self.put(texts)

    def begin_from(self, texts: Mapping[str, str]) -> None:
        """A form of before in place of what stands here."""
        self.write(dict.fromkeys(self._rows, "") | dict(texts))
        self.query_one("#in-script", ScriptArea).focus()

    @property
    def helps(self) -> Sequence[Mapping[str, Any]]:
        """What would start the job sooner, as the engine told last."""
        return self._preview.helps if self._preview else ()

    def _differs(self, field: str) -> bool:
        return field in self._rows and self._rows[field].text.strip() != BY_FIELD[field].start

    def _keep_draft(self) -> None:
        """Nothing typed is lost: until it is sent it is kept."""
        if self.editing is None and self._rows and self.texts() != self._first:
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
        self._refusals.pop(field, None)
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
            self._preview, self._engine_says = answer, dict(self._refusals)
            self._foresight.show(preview_lines(answer, usable(answer.helps), now, ascii_only=ascii_only))
        elif isinstance(answer, Refused) and answer.code == "UNAUTHENTICATED":
            self.post_message(LoginNeeded())
        elif isinstance(answer, Refused):
            self._preview, self._engine_says = None, self._refusals | by_field(answer)
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

    # ------------------------------------------------------------ aids

    def _field(self) -> str:
        """The question that the cursor is in."""
        return (self.focused.id or "").removeprefix("in-") if self.focused is not None else ""

    def on_choose(self, message: Choose) -> None:
        """What the field may be."""
        message.stop()
        self._aids.choose(self._field())

    def on_follow_help(self, message: FollowHelp) -> None:
        """What would start it sooner."""
        message.stop()
        self._aids.follow()

    def on_show_past(self, message: ShowPast) -> None:
        """Forms that were sent."""
        message.stop()
        self._aids.past()

    def on_show_named(self, message: ShowNamed) -> None:
        """Templates."""
        message.stop()
        self._aids.named()

    def on_save_form(self, message: SaveForm) -> None:
        """As a template."""
        message.stop()
        self._aids.save(message.said)

    def on_load_script(self, message: LoadScript) -> None:
        """A script of one's own."""
        message.stop()
        self._aids.load(message.said)

    def on_edit_script(self, message: EditScript) -> None:
        """In one's own editor."""
        message.stop()
        self.at_once(message)

    def on_script_area_older(self, event: ScriptArea.Older) -> None:
        """Above the command there are those of before."""
        event.stop()
        if event.area.id == "in-script" and self.editing is None:
            self._walk(1)
        else:
            self.focus_previous()

    def on_script_area_newer(self, event: ScriptArea.Newer) -> None:
        """Below it, unless one walks through those of before, the next field."""
        event.stop()
        if event.area.id == "in-script" and self._walked:
            self._walk(-1)
        else:
            self.focus_next()

    def _walk(self, by: int) -> None:
        past = self.desk.forms.kept.past()
        if self._walked and self.texts() != self._walked_to:  # what was changed since is a form of its own
            self._walked = 0
        if not self._walked:
            self._unsent = self.texts()
        self._walked = min(max(0, self._walked + by), len(past))
        self.begin_from(past[self._walked - 1] if self._walked else self._unsent)
        self._walked_to = self.texts()

    def choices(self, kind: str) -> list[str]:
        """Templates, too."""
        return list(self.desk.forms.kept.named()) if kind == "templates" else super().choices(kind)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """These are here, too, although letters are typed."""
        return parameters in {("palette",), ("edit-script",)} or super().check_action(action, parameters)

    def at_once(self, wish: Wish) -> None:
        """The editor is this screen's own; its key goes before what fields do with it."""
        if isinstance(wish, EditScript):
            self._aids.edit()
        else:
            super().at_once(wish)


def by_field(refused: Refused) -> dict[str, str]:
    """The engine's complaints by the form's fields; those about `command` belong to the command line."""
    found: dict[str, str] = {}
    for detail in refused.details:
        field = str(detail.get("field", ""))
        name = "script" if field == "command" else field.partition(".")[0]
        if name in BY_FIELD and detail.get("message"):
            found.setdefault(name, str(detail["message"]))
    return found
