"""Commands of the plan: going through time, bookings. Must not know how they are drawn."""

from rcq_tui.tui import planwishes as wishes
from rcq_tui.tui.commands.declared import JOBS, VIEW, command

ALL = (
    command(VIEW, "zoom-in", "plus equals_sign", wishes.ZoomIn, "less time in the picture", label="less time"),
    command(VIEW, "zoom-out", "minus", wishes.ZoomOut, "more time in the picture", label="more time"),
    command(VIEW, "earlier", "less_than_sign comma", wishes.Earlier, "go back in time"),
    command(VIEW, "later", "greater_than_sign full_stop", wishes.Later, "go on in time"),
    command(JOBS, "next-start", "n", wishes.NextStart, "to where my next job starts", label="my next"),
    command(
        JOBS, "book", "b", wishes.BookCards, "book cards for a time", label="book", typing=True,
        argument="[CARDS from T for D]",
    ),
    command(JOBS, "unbook", "x", wishes.AskUnbook, "take a booking back; asks first", label="take back"),
)  # fmt: skip
