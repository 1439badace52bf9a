"""The pages of the admin place, in their order. Must not know the screen that shows them."""

from typing import NamedTuple

from rcq_tui.tui.adminpages.audit import AuditPage
from rcq_tui.tui.adminpages.base import AdminPage
from rcq_tui.tui.adminpages.cards import CardsPage
from rcq_tui.tui.adminpages.engine import EnginePage
from rcq_tui.tui.adminpages.notify import NotifyPage
from rcq_tui.tui.adminpages.people import AccountsPage, GroupsPage, ServicesPage
from rcq_tui.tui.adminpages.tokens import TokensPage


class Entry(NamedTuple):
    """A page by its name."""

    name: str
    page: type[AdminPage]


PAGES: tuple[Entry, ...] = (
    Entry("accounts", AccountsPage),
    Entry("groups", GroupsPage),
    Entry("services", ServicesPage),
    Entry("cards", CardsPage),
    Entry("tokens", TokensPage),
    Entry("audit", AuditPage),
    Entry("engine", EnginePage),
    Entry("told", NotifyPage),
)


def page_named(name: str) -> Entry:
    """The page of this name, else the first."""
    return next((entry for entry in PAGES if entry.name == name), PAGES[0])
