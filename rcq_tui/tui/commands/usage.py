"""Commands of usage. Must not know how it is drawn."""

from rcq_tui.tui import usagewishes as wishes
from rcq_tui.tui.commands.declared import VIEW, command

ALL = (
    command(VIEW, "unit", "u", wishes.ToggleUnit, "GPU-hours, or kilowatt-hours", label="hours/kWh"),
    command(VIEW, "sources", "i", wishes.ShowSources, "where the numbers come from", label="sources"),
)
