"""What is kept of forms between starts: the one that is not sent yet, the last that were, and those with a name.

Values of environment variables are not written to disk: they may be secrets. Must not know widgets.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rcq_tui.tui.form.questions import BY_FIELD
from rcq_tui.tui.remembered import Remembered

PAST_MOST = 50
NAMED_MOST = 100
TEXT_MOST = 64 * 1024
"""Characters of a form that is kept; who writes longer scripts has them in a file."""
DRAFT_MOST = 1024 * 1024
_FILE_MOST = 16 * 1024 * 1024
_KEEPS = "workdir", "time_limit_s"
"""What the next form begins with."""
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")

Texts = dict[str, str]


class Kept:
    """Forms as texts by field. remembered: what the terminal UI remembers; files of its own lie beside that."""

    def __init__(self, remembered: Remembered) -> None:
        self._forms = remembered.beside("forms.json", most_bytes=_FILE_MOST)
        self._draft_file = remembered.beside("draft.json", most_bytes=4 * DRAFT_MOST)
        self._draft: dict[str, Texts] = {}

    # ------------------------------------------------------------ not sent yet

    def draft(self, account: str) -> Texts | None:
        """What this account began to write, if anything. Values of variables are there until the program ends."""
        return self._draft.get(account) or _texts(self._draft_file.of(account, {})) or None

    def keep_draft(self, account: str, texts: Texts) -> None:
        """Keep what is written so far."""
        self._draft[account] = dict(texts)
        if _length(texts) <= DRAFT_MOST:
            self._draft_file.keep(account, without_secrets(texts))

    def drop_draft(self, account: str) -> None:
        """It was sent, or is not wanted any more."""
        self._draft.pop(account, None)
        self._draft_file.keep(account, {})

    # ------------------------------------------------------------ sent

    def past(self) -> list[Texts]:
        """The last forms, the newest first."""
        none: list[Any] = []
        return [texts for one in self._forms.of("past", none) if (texts := _texts(one))]

    def keep_past(self, texts: Texts) -> None:
        """One that was sent; an older one that says the same goes."""
        kept = without_secrets(texts)
        if _length(kept) <= TEXT_MOST:
            others = [one for one in self.past() if one != kept]
            self._forms.keep("past", [kept, *others][:PAST_MOST])
        self._forms.keep("usual", {field: kept.get(field, "") for field in _KEEPS})

    def usual(self) -> Texts:
        """What the last form had in fields that mostly stay the same."""
        found = _texts(self._forms.of("usual", {}))
        return {field: found[field] for field in _KEEPS if found.get(field)}

    # ------------------------------------------------------------ with a name

    def named(self) -> dict[str, Texts]:
        """Forms by their names, in the order of these."""
        none: dict[str, Any] = {}
        found = {name: _texts(one) for name, one in self._forms.of("named", none).items()}
        return {name: found[name] for name in sorted(found) if found[name]}

    def keep_named(self, name: str, texts: Texts) -> None:
        """Keep a form under a name. Raises ValueError where that cannot be."""
        kept, others = without_secrets(texts), self.named()
        if not _NAME.fullmatch(name):
            raise ValueError("A name has 1 to 60 characters.")
        if _length(kept) > TEXT_MOST:
            raise ValueError(f"A form of more than {TEXT_MOST // 1024} KiB is not kept; save its script as a file.")
        if len(others.keys() | {name}) > NAMED_MOST:
            raise ValueError(f"There are {NAMED_MOST} forms with a name; remove one first.")
        self._forms.keep("named", others | {name: kept})

    def drop_named(self, name: str) -> None:
        """Forget one."""
        self._forms.keep("named", {one: texts for one, texts in self.named().items() if one != name})


def _texts(found: Any) -> Texts:
    if not isinstance(found, dict):
        return {}
    return {field: text for field, text in found.items() if field in BY_FIELD and isinstance(text, str)}


def _length(texts: Mapping[str, str]) -> int:
    return sum(map(len, texts.values()))


def without_secrets(texts: Mapping[str, str]) -> Texts:
    """The same form with the names of its variables only; its key of its own is not for another one."""
    kept = {field: text for field, text in texts.items() if text and field != "job_id"}
    if "environment" in kept:
        kept["environment"] = "\n".join(_names(kept["environment"]))
    return kept


def _names(text: str) -> Sequence[str]:
    try:
        words = shlex.split(text)
    except ValueError:  # half written: what it is going to be is not known
        return []
    return [name for word in words if (name := word.partition("=")[0]).isidentifier()]
