"""What is written to a terminal so that it rings or shows a notification of its own (OSC 9).

Pure: whether it is inside tmux is an argument. Must not know what draws the rest of the screen.
"""

from rcq_tui.viewmodel.text import clean, cut

BELL = "\a"
MOST_CELLS = 200


def ringing(words: str, how: str, *, in_tmux: bool = False) -> str:
    """The sequence for one of the ways `bell`, `message`, `both`; empty for any other. The words are cleaned here.

    tmux passes the message on to the terminal around it where its `allow-passthrough` is on; it drops it otherwise.
    """
    bell = BELL if how in {"bell", "both"} else ""
    if how not in {"message", "both"}:
        return bell
    message = f"\x1b]9;{cut(clean(words), MOST_CELLS)}\a"
    if in_tmux:
        message = "\x1bPtmux;" + message.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return message + bell
