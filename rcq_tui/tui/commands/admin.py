"""Commands of the admin place. Must not know what its pages show."""

from rcq_tui.tui import adminwishes as wishes
from rcq_tui.tui.commands.declared import PLACES, RCQ, Command, command


def _page(name: str, help_text: str, *aliases: str) -> Command:
    return command(PLACES, name, "", wishes.GoToAdmin, help_text, says=name, everywhere=True, aliases=aliases)


ALL: tuple[Command, ...] = (
    _page("accounts", "who may come in", "users"),
    _page("groups", "research groups, their terms and limits"),
    _page("services", "named kinds of work and their caps"),
    _page("cards", "the cards: drain, resume"),
    _page("tokens", "sessions and API tokens"),
    _page("audit", "who changed what"),
    _page("engine", "how the engine itself does", "health"),
    _page("told", "what you are told, and how", "notify"),
    command(RCQ, "add-one", "a", wishes.AddOne, "in a list of admin: add one", label="add", typing=True),
    command(RCQ, "change-one", "e", wishes.ChangeOne, "in a list of admin: change it", label="edit", typing=True),
    command(RCQ, "remove-one", "x", wishes.RemoveOne, "in a list of admin: take it away; asks first", label="remove"),
    command(RCQ, "choose-one", "enter", wishes.ChooseOne, "in a list of admin: open or change it"),
    command(RCQ, "check", "v", wishes.CheckAll, "in a list of admin: check the log, send a test", label="check"),
)
