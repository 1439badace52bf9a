"""What an account chose to be told, in lines. Must not know what draws them."""

from collections.abc import Sequence

from engine.protocol.notifications import ChannelTest, NotifyView
from rcq_tui.viewmodel.formats import counted, duration
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.text import clean, pad

_EVENTS = {
    "end": "jobs that end",
    "failed": "jobs that fail for good",
    "preempted": "jobs that lose their place",
    "warning": "warnings while they run",
}


def notify_lines(told: NotifyView, now: float) -> list[Line]:
    """The choice, whether it can be carried out, and what went wrong last."""
    events = ", ".join(_EVENTS.get(event, clean(event)) for event in told.on) or "nothing"
    pairs = [
        ("told of", events + (f", not of runs under {duration(told.min_run_s)}" if told.min_run_s else "")),
        ("mail", clean(told.mail) or "-"),
        ("webhook", clean(told.webhook) or "-"),
        ("command", "yes" if told.command else "-"),
        ("this screen", clean(told.terminal)),
        ("it can", ", ".join(map(clean, told.available)) or "this engine sends nothing but to open screens"),
    ]
    lines: list[Line] = [[(pad(label, 12), "quiet"), (text, "text")] for label, text in pairs]
    if told.waiting:
        lines.append([(f"{counted(told.waiting, 'message')} to be sent", "quiet")])
    if (failed := told.last_failure) is not None:
        ago = duration(now - failed.at)
        lines.append([(f"! {clean(failed.channel)} failed {ago} ago: {clean(failed.message)}", "warn")])
    return lines


def test_words(tests: Sequence[ChannelTest]) -> str:
    """What came of a test."""
    told = [f"{clean(one.channel)}: {'sent' if one.ok else 'not sent'}, {clean(one.message)}" for one in tests]
    return "\n".join(told) or "No channel is chosen: nothing was sent."
