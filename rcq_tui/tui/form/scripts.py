"""A script of one's own as a form: its text, and its #RCQ and #SBATCH lines as fields. Must not know widgets."""

from dataclasses import fields as fields_of_dataclass
from typing import Any

from engine.protocol.fields import After, JobFields
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.request import fields
from rcq_tui.cli.script import read_text
from rcq_tui.cli.scriptoptions import CannotBeDone, chosen, understood
from rcq_tui.tui.form.kept import Texts
from rcq_tui.tui.form.questions import BY_FIELD
from rcq_tui.tui.form.writing import texts_of


def loaded(path: str) -> tuple[Texts, str]:
    """The texts of the fields that the script says, and what else to know of it; empty for nothing.

    Raises ValueError with what is wrong with the script.
    """
    try:
        script = understood(read_text(path))
        parsed = chosen(script.options)
        said = fields(parsed, everything=False)
    except CannotBeDone as error:
        raise ValueError("; ".join(error.problems)) from error
    except UsageError as error:
        raise ValueError(str(error)) from error
    known = {one.name for one in fields_of_dataclass(JobFields)}
    wanted: dict[str, Any] = {name: told for name, told in said.items() if name in known and name in BY_FIELD}
    wanted["after"] = [After(id=one["id"], when=one["when"]) for one in said.get("after", ())]
    wanted.setdefault("name", path.rpartition("/")[2])
    everything = texts_of(JobFields(**{**wanted, "script": script.text}))
    asked = {"script", "name", *said}
    left_out = ["--file and --snapshot lines are left to rcq submit"] if parsed.file or parsed.snapshot else []
    return {field: told for field, told in everything.items() if field in asked}, "; ".join([*left_out, *script.notes])
