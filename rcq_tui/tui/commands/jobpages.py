"""Commands of the job screen: its pages, and reading what a job wrote. Must not know what is on a page."""

from rcq_tui.tui import jobmessages as messages
from rcq_tui.tui.commands.declared import JOBS, PLACES, VIEW, Command, command


def _page(name: str, key: str, help_text: str) -> Command:
    return command(PLACES, name, key, messages.ShowPage, f"of a job: {help_text}", says=name)


ALL: tuple[Command, ...] = (
    _page("overview", "1", "what it asked for, why it waits, how it went"),
    _page("log", "2", "what it wrote"),
    _page("plot", "3", "what it did with its cards over time"),
    _page("environment", "4", "its environment"),
    _page("command", "5", "its script or command"),
    _page("code", "6", "the code that was captured for it"),
    _page("files", "7", "its files"),
    command(PLACES, "next-page", "right_square_bracket tab", messages.NextPage, "of a job: the next page"),
    command(PLACES, "page-before", "left_square_bracket shift+tab", messages.PageBefore, "of a job: the page before"),
    command(VIEW, "find", "slash", messages.Find, "look for a text in what a job wrote", label="find", typing=True),
    command(VIEW, "next-hit", "n", messages.NextHit, "the next line that was looked for"),
    command(VIEW, "hit-before", "N", messages.HitBefore, "the one before"),
    command(VIEW, "wrap", "w", messages.ToggleWrap, "fold long lines, or not"),
    command(VIEW, "mark-lines", "v", messages.ToggleMarking, "mark lines from here, for y to copy"),
    command(
        JOBS, "fetch", "F", messages.FetchResults, "fetch what a job left, as a ZIP into a folder", argument="[FOLDER]"
    ),
)
