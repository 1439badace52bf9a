"""The colour themes, and two of our own: one of high contrast, one that keeps to the terminal's sixteen colours.

Must not know what is drawn with them.
"""

from dataclasses import replace

from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#7fd4ff",
    secondary="#c4b5ff",
    accent="#ffe45c",
    warning="#ffd23f",
    error="#ff9a9a",
    success="#7dff9b",
    foreground="#ffffff",
    background="#000000",
    surface="#0d0d0d",
    panel="#1c1c1c",
    dark=True,
    text_alpha=1.0,
    variables={
        "secondary-muted": "#2b2950",
        "foreground-muted": "#d0d0d0",
        "border": "#ffffff",
        "border-blurred": "#b0b0b0",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#ffe45c",
        "footer-key-foreground": "#ffe45c",
        "input-selection-background": "#5a5a00",
    },
)
"""Text of every role at 7 to 1 or more on each ground that it stands on (WCAG 2.1, 1.4.6)."""

SIXTEEN = replace(BUILTIN_THEMES["ansi-dark"], name="16-colours")
"""The terminal's own palette, whatever its ground: for consoles, slow lines and people who chose their colours."""

THEMES = (
    "tokyo-night",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "dracula",
    "catppuccin-latte",
    "textual-light",
    HIGH_CONTRAST.name,
    SIXTEEN.name,
)
"""What the theme key goes through."""


def register(app: App[int]) -> None:
    """Make our own known."""
    for theme in (HIGH_CONTRAST, SIXTEEN):
        app.register_theme(theme)


def usual(terminal: str) -> str:
    """The theme of a terminal of this kind (TERM) for whom nobody chose one yet."""
    few = terminal in {"linux", "screen.linux"} or terminal.startswith(("vt", "xterm-mono", "ansi", "cons25"))
    return SIXTEEN.name if few else THEMES[0]
