"""What a field of the submit form may be, as a list: the cards' types, jobs to wait for, times, folders, scripts.

Must not know widgets. Folders are looked into only of the person whose machine this is.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.protocol.cards import GpuView
from engine.protocol.responses import JobRow
from rcq_tui.tui.form.kept import Texts
from rcq_tui.tui.form.meaning import meaning
from rcq_tui.tui.form.reading import Here, value
from rcq_tui.viewmodel.cardfacts import model
from rcq_tui.viewmodel.formats import counted, memory
from rcq_tui.viewmodel.states import FINISHED


class Choice(NamedTuple):
    """text: what is answered. label, note: what is shown, `text` itself where there is no label. goes_on: choosing it
    goes on from there, as into a folder.
    """

    text: str
    label: str = ""
    note: str = ""
    goes_on: bool = False


Find = Callable[[str], Sequence[Choice]]
"""What is offered for a text that was typed; cheap, as it is asked at every letter."""

_TIMES = ("+1h", "+4h", "today 18:00", "22:00", "tomorrow 8:00")
_TURNS = (
    ("0 * * * *", "every hour"),
    ("0 2 * * *", "every night at two"),
    ("30 2 * * 1-5", "at half past two, Monday to Friday"),
    ("0 6 * * 1", "Mondays at six"),
    ("0 3 1 * *", "on the first of each month at three"),
)
_LISTED_MOST = 500
"""Names of a folder that are shown; who has more types on."""


def among(choices: Iterable[Choice]) -> Find:
    """Those that have all the words that are typed."""
    all_of_them = tuple(choices)

    def find(typed: str) -> Sequence[Choice]:
        words = typed.lower().split()
        return [
            one for one in all_of_them if all(word in f"{one.text} {one.label} {one.note}".lower() for word in words)
        ]

    return find


def types(cards: Sequence[GpuView]) -> list[Choice]:
    """Each type of card that this box has, with how many of it are free now."""
    by_type: dict[str, list[GpuView]] = {}
    for card in cards:
        by_type.setdefault(model(card), []).append(card)
    return [
        Choice(
            name.lower(),
            name,
            f"{counted(len(of), 'card')}, {sum(map(_is_free, of))} free, {memory(of[0].memory_mb)} each",
        )
        for name, of in sorted(by_type.items())
    ]


def _is_free(card: GpuView) -> bool:
    strange = card.tolerated_mb is not None and card.foreign_mb > card.tolerated_mb
    return card.state == "ok" and not card.jobs and not strange


def jobs(rows: Sequence[JobRow], account: str | None) -> list[Choice]:
    """One's own jobs, those that have not ended first and the newest of each first."""
    own = [row for row in rows if row.account == account and not row.redacted]
    own.sort(key=lambda row: (row.state in FINISHED, -row.id))
    return [Choice(str(row.id), f"{row.id} {row.name or row.command_line or ''}", row.state) for row in own]


def whens(job: str) -> list[Choice]:
    """How a job may be waited for."""
    return [
        Choice(job, "ok", f"when job {job} has completed"),
        Choice(f"{job}:any", "any", f"when job {job} has ended, however"),
        Choice(f"{job}:failed", "failed", f"when job {job} has failed"),
    ]


def times(here: Here) -> Find:
    """The time that is typed, if it is one, and some that are often meant."""

    def find(typed: str) -> Sequence[Choice]:
        given = [typed.strip()] if _reads("begin", typed, here) else []
        return [Choice(text, note=meaning("begin", text, here)) for text in [*given, *_TIMES]]

    return find


def turns(here: Here) -> Find:
    """The line that is typed, if it is one, and some that are often meant."""

    def find(typed: str) -> Sequence[Choice]:
        given = [Choice(typed.strip(), note="as typed")] if _reads("cron", typed, here) else []
        return given + [Choice(text, note=note) for text, note in _TURNS]

    return find


def _reads(field: str, text: str, here: Here) -> bool:
    try:
        return bool(text.strip()) and value(field, text, here) is not None
    except ValueError:
        return False


def paths(here: Here, *, folders_only: bool) -> Find:
    """Folders, and files unless only those are wanted, that begin as it is typed."""

    def find(typed: str) -> Sequence[Choice]:
        head, slash, begun = typed.rpartition("/")
        try:
            folder = value("workdir", head + slash or ".", here)
        except ValueError:
            return []
        taken = [Choice(typed, note="this folder")] if folders_only and typed and not begun else []
        return taken + [_path(head + slash, one) for one in _listed(folder, begun, folders_only)]

    return find


def _path(head: str, entry: tuple[str, bool, int]) -> Choice:
    name, is_folder, size = entry
    return Choice(head + name + "/" * is_folder, note="" if is_folder else counted(size, "byte"), goes_on=is_folder)


def _listed(folder: str, begun: str, folders_only: bool) -> list[tuple[str, bool, int]]:
    found: list[tuple[str, bool, int]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                hidden = entry.name.startswith(".") and not begun.startswith(".")
                if hidden or not entry.name.startswith(begun) or not entry.name.isprintable():
                    continue
                is_folder = entry.is_dir()
                if is_folder or (not folders_only and entry.is_file()):
                    found.append((entry.name, is_folder, 0 if is_folder else entry.stat().st_size))
                if len(found) >= _LISTED_MOST:
                    break
    except OSError:  # gone, or closed to this user: nothing to choose from
        return []
    return sorted(found, key=lambda one: (not one[1], not one[0].endswith(".sh"), one[0]))


def forms(past: Sequence[Texts]) -> list[Choice]:
    """Forms that were sent, by their number in the list."""
    return [Choice(str(at), _title(one), _gist(one)) for at, one in enumerate(past)]


def templates(named: dict[str, Texts]) -> list[Choice]:
    """Forms with a name."""
    return [Choice(name, name, f"{_title(one)}  {_gist(one)}") for name, one in named.items()]


def _title(texts: Texts) -> str:
    return " ".join((texts.get("name") or texts.get("script", "")).split())[:80]


def _gist(texts: Texts) -> str:
    parts = [
        f"{texts.get('gpus') or 0} GPU",
        texts.get("gpu_type", ""),
        texts.get("time_limit_s", ""),
        texts.get("array", ""),
    ]
    folder = Path(texts["workdir"]).name if texts.get("workdir") else ""
    return "  ".join(filter(None, [*parts, folder]))
