"""Commands of the queue: marks, order, columns, and what is done to jobs besides `jobs`. Must not know the table."""

from rcq_tui.tui import queuemessages as wishes
from rcq_tui.tui.commands.declared import JOBS, VIEW, command

ALL = (
    command(JOBS, "mark", "space", wishes.ToggleMark, "mark the line; commands act on all marked ones"),
    command(JOBS, "mark-all", "asterisk", wishes.MarkAll, "mark all that is shown, or nothing"),
    command(JOBS, "requeue", "R", wishes.AskRequeue, "run the job again with the same id"),
    command(JOBS, "release", "", wishes.ReleaseJobs, "let held jobs go on"),
    command(
        VIEW, "sort", "S", wishes.SortBy, "next order, or the one that is named",
        argument="[FIELD]", choices="sorts",
    ),
    command(VIEW, "reverse", "O", wishes.ReverseSort, "the other way round"),
    command(VIEW, "fold", "a", wishes.ToggleFold, "an array's elements as one line, or each its own"),
    command(
        VIEW, "columns", "C", wishes.ChooseColumns, "choose the columns of the queue, or name them",
        argument="[NAME …]", choices="columns",
    ),
    command(VIEW, "show-column", "space", wishes.ToggleMark, "in the choice of columns: show it, or not"),
    command(VIEW, "column-down", "J", wishes.MoveColumnDown, "in the choice of columns: further back"),
    command(VIEW, "column-up", "K", wishes.MoveColumnUp, "in the choice of columns: further ahead"),
    command(VIEW, "keep-columns", "enter", wishes.KeepColumns, "in the choice of columns: keep them"),
)  # fmt: skip
