"""Commands about cards and machines, and the one that draws without Unicode. Must not know where cards are shown."""

from rcq_tui.tui import cardmessages, nodemessages
from rcq_tui.tui.commands.declared import PLACES, VIEW, command

CARDS = "Cards"

ALL = (
    command(
        PLACES, "gpu", "", cardmessages.GoToCard, "everything about a card; so does a click on it",
        argument="INDEX", choices="gpus", everywhere=True, aliases=("card",),
    ),
    command(
        PLACES, "nodes", "", nodemessages.ShowNodes, "the machines of the cluster; so does a click on one",
        argument="[NAME]", choices="nodes", everywhere=True, aliases=("node",),
    ),
    command(
        CARDS, "drain", "D", cardmessages.DrainCard, "drain the card: running jobs finish (admins)",
        label="drain", argument="[INDEX [WHY]]", choices="gpus",
    ),
    command(
        CARDS, "resume", "R", cardmessages.ResumeCard, "put the card back into use (admins)",
        label="resume", argument="[INDEX]", choices="gpus",
    ),
    command(
        VIEW, "ascii", "", cardmessages.ToggleAscii, "draw with ASCII alone, or with all signs",
        everywhere=True,
    ),
)  # fmt: skip
