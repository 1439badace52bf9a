"""What makes the submit form fast: lists to choose from, forms of before, scripts, the person's own editor.

Must not know how the form is drawn or sent; it reads and writes its texts.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from engine.protocol.errors import RcqError
from rcq_tui.tui.form import choosing, scripts
from rcq_tui.tui.form.choosing import Choice, Find
from rcq_tui.tui.form.helping import writes
from rcq_tui.tui.screens.array import ArrayScreen
from rcq_tui.tui.screens.pick import PickScreen
from rcq_tui.viewmodel.helps import help_sentence
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.formscreen import FormScreen

_NOT_AT_HOME = "There are no files of yours where this runs; paste the script instead."
_EDITORS = ("nano", "vim", "vi", "emacs")


class FormAids:
    """Aids of one form."""

    def __init__(self, form: "FormScreen") -> None:
        self._form = form

    # ------------------------------------------------------------ choosing

    def choose(self, field: str) -> None:
        """What this field may be."""
        form, desk = self._form, self._form.desk
        here = form.here
        if field == "script":
            self.load()
        elif field == "workdir" and here.folder is not None:
            typed = form.text_of("workdir").rstrip("/") + "/"
            self._pick("Where the command runs", choosing.paths(here, folders_only=True), field, typed=typed)
        elif field == "gpu_type":
            self._pick("Cards of this box", choosing.among(choosing.types(desk.gpus)), field)
        elif field == "after":
            account = desk.me.account if desk.me else None
            self._ask("Wait for one of your jobs", choosing.among(choosing.jobs(desk.jobs, account)), self._await)
        elif field == "begin":
            self._pick("Not before", choosing.times(here), field)
        elif field == "cron":
            self._pick("Again and again", choosing.turns(here), field)
        elif field == "array":
            self._open_array()
        elif field == "service":
            self._fetch("Services", self._services, field)
        elif field == "group":
            self._fetch("Groups", self._groups, field)
        else:
            desk.notify("Any value may be written here; the words beside the field say how.", markup=False)

    def _pick(self, title: str, find: Find, field: str, *, typed: str = "") -> None:
        self._ask(title, find, lambda text: self._form.write({field: text}), typed=typed)

    def _ask(self, title: str, find: Find, then: Callable[[str], None], **what: str) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                then(text)

        if self._form.desk.is_free_for(PickScreen):
            self._form.desk.push_screen(PickScreen(title, find, **what), answered)  # type: ignore[arg-type]

    def _await(self, job: str) -> None:
        self._ask(f"Wait until job {job} is", choosing.among(choosing.whens(job)), self._add_condition)

    def _add_condition(self, condition: str) -> None:
        before = self._form.text_of("after").strip().rstrip(",")
        self._form.write({"after": f"{before}, {condition}" if before else condition})

    def _open_array(self) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self._form.write({"array": text})

        if self._form.desk.is_free_for(ArrayScreen):
            self._form.desk.push_screen(ArrayScreen(self._form.text_of("array")), answered)

    def _fetch(self, title: str, ask: Callable[[], Awaitable[Iterable[str]]], field: str) -> None:
        async def work() -> None:
            try:
                names = await ask()
            except RcqError as error:
                self._form.desk.complain(error)
            else:
                if self._form.is_current:
                    self._pick(title, choosing.among(Choice(name) for name in names), field)

        self._form.run_worker(work(), name="choices", group="choices")

    async def _services(self) -> Sequence[str]:
        return [one.name for one in await self._form.desk.api.services()]

    async def _groups(self) -> Sequence[str]:
        return [one.name for one in await self._form.desk.api.groups()]

    # ------------------------------------------------------------ what would start it sooner

    def follow(self) -> None:
        """Write a help of the engine into the form; where there are several, choose one."""
        form = self._form
        now, helps = form.desk.clock(), [one for one in form.helps if writes(one)]
        if not helps:
            form.desk.notify("Nothing that this form can change would start it sooner.", markup=False)
        elif len(helps) == 1:
            form.write(writes(helps[0]) or {})
        else:
            listed = [Choice(str(at), help_sentence(one, now)) for at, one in enumerate(helps)]
            self._ask("It starts sooner", choosing.among(listed), lambda at: form.write(writes(helps[int(at)]) or {}))

    # ------------------------------------------------------------ forms of before

    def past(self) -> None:
        """One that was sent before."""
        forms = self._form.desk.forms.kept.past()
        self._ask(
            "Forms that you sent",
            choosing.among(choosing.forms(forms)),
            lambda at: self._form.begin_from(forms[int(at)]),
            empty="You have sent no form yet.",
        )

    def named(self) -> None:
        """A template."""
        kept = self._form.desk.forms.kept

        def find(typed: str) -> Sequence[Choice]:
            found = list(choosing.among(choosing.templates(kept.named()))(typed))
            name = typed.strip()
            new = [Choice(f"+{name}", f"save as {name}", "what the form says now, without values of variables")]
            return found if not name or name in kept.named() else [*found, *new]

        def answered(text: str | None) -> None:
            if text is not None and text.startswith("+"):
                self.save(text[1:])
            elif text is not None:
                self._form.begin_from(kept.named()[text])

        if self._form.desk.is_free_for(PickScreen):
            empty = "No template yet: type a name to save this form."
            self._form.desk.push_screen(PickScreen("Templates", find, empty=empty, remove=kept.drop_named), answered)

    def save(self, name: str) -> None:
        """Keep the form under a name."""
        desk = self._form.desk
        try:
            desk.forms.kept.keep_named(name.strip(), self._form.texts())
        except ValueError as error:
            desk.notify(str(error), severity="error", markup=False)
        else:
            desk.notify(f"Saved as {clean(name.strip())}; ^t loads it.", markup=False)

    # ------------------------------------------------------------ scripts

    def load(self, path: str = "") -> None:
        """A script with its #RCQ lines; one that is chosen where none is named."""
        desk, here = self._form.desk, self._form.here
        if here.folder is None:
            desk.notify(_NOT_AT_HOME, markup=False)
        elif path:
            self._loaded(path)
        else:
            self._ask("Load a script", choosing.paths(here, folders_only=False), self._loaded, empty="No file here.")

    def _loaded(self, path: str) -> None:
        desk, here = self._form.desk, self._form.here
        try:
            full = os.path.join(here.folder or "/", Path(path).expanduser())  # noqa: PTH118 - a `..` stays
            texts, left_out = scripts.loaded(full)
        except ValueError as error:
            desk.notify(clean(error), severity="error", markup=False)
            return
        self._form.write(texts)
        desk.notify(f"Loaded {clean(path)}. {left_out}".strip(), markup=False)

    def edit(self) -> None:
        """The script in the editor of $VISUAL or $EDITOR; when that is left, it stands in the form."""
        form = self._form
        if form.here.folder is None:
            form.desk.notify("Your editor is not where this runs; write the script here.", markup=False)
            return
        command = _editor()
        if command is None:
            form.desk.notify("No editor is found; set EDITOR to one.", severity="error", markup=False)
            return
        try:
            text = _edited(form, command, form.text_of("script"))
        except SuspendNotSupported:
            form.desk.notify("This terminal cannot be lent to an editor; write the script here.", markup=False)
        except (OSError, ValueError) as error:
            form.desk.notify(f"The editor did not work: {clean(error)}", severity="error", markup=False)
        else:
            form.write({"script": text})


def _editor() -> list[str] | None:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(named)
    except ValueError:
        return None
    return words or next(([one] for one in _EDITORS if shutil.which(one)), None)


def _edited(form: "FormScreen", command: list[str], text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="rcq-") as place:
        path = Path(place, "script.sh")
        path.write_text(
            text if text.endswith("\n") or not text else f"{text}\n", encoding="utf-8", errors="surrogatepass"
        )
        with form.desk.suspend():
            ended = subprocess.run([*command, str(path)], check=False).returncode
        if ended:
            raise ValueError(f"it ended with {ended}; the script is as it was")
        written = path.read_text(encoding="utf-8")
    return written.removesuffix("\n")
