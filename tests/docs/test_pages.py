"""What the pages point at is there: other files, verbs, options."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rcq_tui.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
CALL = re.compile(r"(?:^|[`|&] ?|\$ )rcq ([a-z]+)([^`\n|&#]*)", re.MULTILINE)
OPTION = re.compile(r"(?<=\s)(--?[a-z][a-z-]*)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


def test_every_file_that_a_page_names_is_there() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`((?:docs|engine|config|packaging|tests|rcq_tui)/[\w./-]+)`", page.read_text())
    }
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def calls() -> dict[str, set[str]]:
    """Every verb that a page calls, with the options that it gives to it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for verb, rest in CALL.findall(page.read_text(encoding="utf-8")):
            found.setdefault(verb, set()).update(OPTION.findall(rest.partition(" -- ")[0]))
    return found


def test_every_verb_that_a_page_calls_exists() -> None:
    assert {"submit", "ingest", "why", "simulate"} <= set(calls()) <= set(VERBS)


@pytest.mark.parametrize("verb", [verb for verb, options in calls().items() if options])
def test_every_option_that_a_page_gives_exists(verb: str) -> None:
    told = subprocess.run(
        [sys.executable, "-P", "-m", "rcq_tui.cli.main", verb, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert calls()[verb] <= set(OPTION.findall(told))
