"""Roles of colours to the theme's colours, and lines of the view models to Textual's content.

Must not know what the lines say.
"""

from collections.abc import Iterable

from textual.content import Content

from rcq_tui.viewmodel.cards import Line

STYLES = {
    "ok": "$text-success",
    "busy": "$text-primary",
    "info": "$text-accent",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "quiet": "$text-muted",
    "text": "$foreground",
    "title": "bold $foreground",
    "ok.bar": "$success on $panel",
    "busy.bar": "$primary on $panel",
    "info.bar": "$accent on $panel",
    "warn.bar": "$warning on $panel",
    "bad.bar": "$error on $panel",
    "quiet.bar": "$text-muted on $panel",
}
"""Role to style; `.bar` is a gauge with its track."""


def content(line: Line) -> Content:
    """One line, its texts taken literally."""
    return Content.assemble(*((text, STYLES[role]) for text, role in line))


def page(lines: Iterable[Line]) -> Content:
    """Several lines."""
    return Content("\n").join(content(line) for line in lines)
