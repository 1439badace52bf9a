"""Commands of the submit form and of lists to choose from. Letters are typed there, so no key is a letter.

Must not know what is asked.
"""

from rcq_tui.tui.commands.declared import JOBS, Command, command
from rcq_tui.tui.formwishes import (
    BeginAnew,
    Choose,
    EditScript,
    FollowHelp,
    LoadScript,
    MoreFields,
    NextField,
    OpenLast,
    PickIt,
    PreviousField,
    ReleaseName,
    SaveForm,
    ShowNamed,
    ShowPast,
)
from rcq_tui.tui.messages import Decline, Down, Up

ALL: tuple[Command, ...] = (
    command(JOBS, "last-submitted", "o", OpenLast, "open the job that you submitted last", everywhere=True),
    command(JOBS, "choose", "ctrl+g", Choose, "in a form: what this field may be", label="choose"),
    command(JOBS, "follow-help", "ctrl+l", FollowHelp, "in a form: do what would start it sooner", label="sooner"),
    command(JOBS, "more-fields", "ctrl+o", MoreFields, "in a form: all fields, or the everyday ones", label="more"),
    command(JOBS, "past-forms", "ctrl+r", ShowPast, "in a form: those that were sent before", label="history"),
    command(JOBS, "named-forms", "ctrl+t", ShowNamed, "in a form: templates to load", label="templates"),
    command(JOBS, "save-form", "", SaveForm, "in a form: save it as a template", argument="NAME", choices="templates"),
    command(JOBS, "load-script", "", LoadScript, "in a form: load a job script of your own", argument="[PATH]"),
    command(JOBS, "edit-script", "ctrl+e", EditScript, "in a form: write the script in your $EDITOR", typing=True),
    command(JOBS, "empty-form", "ctrl+n", BeginAnew, "in a form: begin anew with an empty one"),
    command(JOBS, "next-field", "down", NextField, "in a form: the next field (Tab works too)"),
    command(JOBS, "previous-field", "up", PreviousField, "in a form: the field before"),
    command(JOBS, "pick-next", "down ctrl+n", Down, "in a list to choose from: the next one"),
    command(JOBS, "pick-previous", "up ctrl+p", Up, "in a list to choose from: the one before"),
    command(JOBS, "pick-into", "tab", PickIt, "in a list to choose from: take its text and go on typing"),
    command(JOBS, "pick-remove", "ctrl+x", ReleaseName, "in a list of templates: remove the one under the cursor"),
    command(JOBS, "pick-leave", "escape", Decline, "leave a list to choose from"),
)  # fmt: skip
