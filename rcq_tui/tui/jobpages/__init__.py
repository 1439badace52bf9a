"""The pages of the job screen: one module per page, imported when somebody opens it first."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rcq_tui.tui.jobpages.base import JobPage


@dataclass(slots=True, frozen=True, kw_only=True)
class PageKind:
    """name: also that of its command and its module. key: that goes there. kind: its class."""

    name: str
    key: str
    kind: str

    def page(self, *, ascii_only: bool) -> "JobPage":
        """A new one."""
        made: JobPage = getattr(import_module(f"rcq_tui.tui.jobpages.{self.name}"), self.kind)(ascii_only=ascii_only)
        return made


PAGES: tuple[PageKind, ...] = (
    PageKind(name="overview", key="1", kind="OverviewPage"),
    PageKind(name="log", key="2", kind="LogPage"),
    PageKind(name="plot", key="3", kind="PlotPage"),
    PageKind(name="environment", key="4", kind="EnvironmentPage"),
    PageKind(name="command", key="5", kind="CommandPage"),
    PageKind(name="code", key="6", kind="CodePage"),
    PageKind(name="files", key="7", kind="FilesPage"),
)
NAMES: tuple[str, ...] = tuple(one.name for one in PAGES)


def page_named(name: str) -> PageKind:
    """The page of this name, else the first one."""
    return next((one for one in PAGES if one.name == name), PAGES[0])
