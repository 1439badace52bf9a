"""The theme of high contrast keeps its promise: each role against each ground (formula: WCAG 2.1, 1.4.6)."""

import pytest
from textual.app import App
from textual.color import Color

from rcq_tui.tui.themes import HIGH_CONTRAST, THEMES, register

GROUNDS = ("background", "surface", "surface-lighten-1", "secondary-muted")
ROLES = (
    "text-success",
    "text-primary",
    "text-secondary",
    "text-warning",
    "text-error",
    "foreground-muted",
    "foreground",
)


def luminance(colour: Color) -> float:
    parts = [part / 255 for part in (colour.r, colour.g, colour.b)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: Color, ground: Color) -> float:
    dark, light = sorted((luminance(ground.blend(ink, ink.a)), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def variables(theme: str) -> dict[str, str]:
    app: App[int] = App()
    register(app)
    app.theme = theme
    return app.get_css_variables()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_high_contrast_is_seven_to_one(role, ground):
    known = variables(HIGH_CONTRAST.name)
    assert contrast(Color.parse(known[role]), Color.parse(known[ground])) >= 7.0


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_is_known(theme):
    assert variables(theme)["background"]
