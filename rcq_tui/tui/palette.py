"""Roles of colours to the theme's colours, and lines of the view models to Textual's content.

Must not know what the lines say.
"""

from collections.abc import Iterable

from textual.content import Content

from rcq_tui.viewmodel.pieces import Line

STYLES = {
    "ok": "$text-success",
    "busy": "$text-primary",
    "info": "$text-secondary",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "quiet": "$foreground 75%",
    "history": "$primary 55%",
    "track": "$foreground 25%",
    "text": "$foreground",
    "title": "bold $foreground",
    "ok.bar": "$success on $surface-lighten-1",
    "busy.bar": "$primary on $surface-lighten-1",
    "info.bar": "$secondary on $surface-lighten-1",
    "warn.bar": "$warning on $surface-lighten-1",
    "bad.bar": "$error on $surface-lighten-1",
    "quiet.bar": "$foreground-muted on $surface-lighten-1",
}
"""Role to style; `.bar` is a gauge with its track."""


def content(line: Line) -> Content:
    """One line, its texts taken literally."""
    return Content.assemble(*((text, STYLES[role]) for text, role in line))


def page(lines: Iterable[Line]) -> Content:
    """Several lines."""
    return Content("\n").join(content(line) for line in lines)
