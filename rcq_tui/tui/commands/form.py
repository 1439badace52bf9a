"""Commands of the submit form and of lists to choose from. Letters are typed there, so no key is a letter.

Must not know what is asked.
"""

from rcq_tui.tui.commands.declared import JOBS, Command, command
from rcq_tui.tui.formwishes import (
    BeginAnew,
    MoreFields,
    NextField,
    OpenLast,
    PreviousField,
)

ALL: tuple[Command, ...] = (
    command(JOBS, "last-submitted", "o", OpenLast, "open the job that you submitted last", everywhere=True),
    command(JOBS, "more-fields", "ctrl+o", MoreFields, "in a form: all fields, or the everyday ones", label="more"),
    command(JOBS, "empty-form", "ctrl+n", BeginAnew, "in a form: begin anew with an empty one"),
    command(JOBS, "next-field", "down", NextField, "in a form: the next field (Tab works too)"),
    command(JOBS, "previous-field", "up", PreviousField, "in a form: the field before"),
)  # fmt: skip
