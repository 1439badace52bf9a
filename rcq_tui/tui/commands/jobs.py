"""Commands about jobs: the one under the cursor, or those that are marked. Must not know where they are listed."""

from rcq_tui.tui import messages
from rcq_tui.tui.commands.declared import JOBS, VIEW, command

ALL = (
    command(JOBS, "open", "enter", messages.OpenJob, "open the job: details, reasons, log", label="open"),
    command(
        JOBS, "submit", "s", messages.ComposeJob, "submit a job", label="submit", typing=True, everywhere=True,
        argument="[COMMAND]",
    ),
    command(JOBS, "cancel", "c", messages.AskCancel, "cancel the job; asks first", label="cancel"),
    command(JOBS, "hold", "H", messages.ToggleHold, "hold a pending job, release a held one", label="hold"),
    command(
        VIEW, "filter", "slash", messages.EditFilter, "filter the queue by words, by state:failed, gpus:>1 …",
        label="filter", typing=True, argument="[WORDS]",
    ),
    command(VIEW, "mine", "m", messages.ToggleMine, "only my jobs, or everybody's", label="mine"),
    command(
        VIEW, "finished", "f", messages.ToggleFinished, "finished jobs too, then nothing else, then none",
        label="finished",
    ),
    command(VIEW, "clear", "escape", messages.Clear, "drop the marks, then the filter; leave the array"),
    command(VIEW, "stream", "o", messages.ToggleStream, "switch between stdout and stderr", label="stdout/stderr"),
    command(JOBS, "send", "ctrl+s", messages.SendForm, "send the form", label="send"),
)  # fmt: skip
