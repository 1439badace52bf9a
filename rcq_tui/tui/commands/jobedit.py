"""Commands that make a job from a job, or change its request. Must not know how."""

from rcq_tui.tui import jobmessages as messages
from rcq_tui.tui.commands.declared import JOBS, command

ALL = (
    command(JOBS, "edit", "e", messages.EditJob, "change the request of a job that has not started"),
    command(JOBS, "redo", "d", messages.RedoJob, "submit the job once more, as it was; asks first"),
    command(JOBS, "clone", "D", messages.CloneJob, "submit another one like it: opens the form"),
)
