"""Commands that move a cursor or scroll. Must not know what is moved."""

from rcq_tui.tui import messages
from rcq_tui.tui.commands.declared import MOVING, command

ALL = (
    command(MOVING, "down", "j down", messages.Down, "one line down"),
    command(MOVING, "up", "k up", messages.Up, "one line up"),
    command(MOVING, "left", "h left", messages.Left, "back, or to the left"),
    command(MOVING, "right", "l right", messages.Right, "open the job, or to the right"),
    command(MOVING, "top", "g home", messages.Top, "to the first line (gg works too)"),
    command(MOVING, "bottom", "G end", messages.Bottom, "to the last line; in a log: follow it"),
    command(MOVING, "page-down", "ctrl+f pagedown", messages.PageDown, "a page down"),
    command(MOVING, "page-up", "ctrl+b pageup", messages.PageUp, "a page up"),
)
