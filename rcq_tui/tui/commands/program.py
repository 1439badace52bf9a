"""Commands of the program itself, and answers to its questions. Must not know screens."""

from rcq_tui.tui import messages
from rcq_tui.tui.commands.declared import JOBS, PLACES, RCQ, VIEW, command

ALL = (
    command(JOBS, "yes", "y", messages.Confirm, "yes, where rcq asks"),
    command(JOBS, "no", "n escape", messages.Decline, "no, where rcq asks"),
    command(
        PLACES, "job", "", messages.GoToJob, "open a job by its id", argument="ID", choices="jobs", everywhere=True
    ),
    command(VIEW, "refresh", "r ctrl+l", messages.Refresh, "fetch and draw everything again", everywhere=True),
    command(
        VIEW, "theme", "T", messages.NextTheme, "next colour theme, or the one that is named", argument="[NAME]",
        choices="themes", everywhere=True,
    ),
    command(
        VIEW, "mouse", "M", messages.ToggleMouse, "leave the mouse to the terminal, or take it again",
        everywhere=True,
    ),
    command(VIEW, "copy", "y", messages.Copy, "copy the id (where rcq asks nothing)"),
    command(RCQ, "line", "colon", messages.OpenLine, "type a command", label="command", typing=True, everywhere=True),
    command(RCQ, "palette", "ctrl+p", messages.OpenPalette, "look for a command", typing=True, everywhere=True),
    command(RCQ, "complete", "tab", messages.CompleteLine, "on the command line: complete the name"),
    command(RCQ, "line-down", "down ctrl+n", messages.Down, "on the command line: the next suggestion"),
    command(RCQ, "line-up", "up ctrl+p", messages.Up, "on the command line: the one before"),
    command(RCQ, "close-line", "escape", messages.Decline, "leave the command line"),
    command(RCQ, "help", "question_mark", messages.ShowHelp, "this page", label="help", everywhere=True),
    command(RCQ, "back", "escape", messages.GoBack, "leave this screen", label="back"),
    command(RCQ, "leave", "ctrl+q", messages.Quit, "quit, from where letters are typed"),
    command(RCQ, "logout", "L", messages.LogOut, "log out", everywhere=True),
    command(RCQ, "quit", "q", messages.Quit, "quit; jobs run on", label="quit", everywhere=True, aliases=("q", "exit")),
)  # fmt: skip
