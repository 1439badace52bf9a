"""Accounts, groups and services. Must not know how forms look or what the engine checks."""

from collections.abc import Sequence
from typing import Any

from engine.protocol.people import AccountView, GroupView, ServiceView
from rcq_tui.tui.adminpages.base import ListPage, fitted
from rcq_tui.tui.form import people
from rcq_tui.tui.screens.ask import Form
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.tui.widgets.list_table import ListRow
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.viewmodel.people import account_cells, group_cells, service_cells
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.text import clean


class AccountsPage(ListPage[AccountView]):
    """Who may come in."""

    TITLE = "Accounts"
    FOR_ADMINS = True
    HINT = "a add   e edit   x disable"

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        names = (("name", 14), ("role", 8), ("group", 14), ("unix user", 12), ("state", 17))
        return fitted(cells, *names, last="limits")

    async def fetch(self) -> list[AccountView]:
        """All for admins, the own one for others."""
        return await self.desk.api.accounts()

    def row(self, item: AccountView) -> ListRow:
        """Cells."""
        return ListRow(item.name, account_cells(item))

    def add(self) -> None:
        """A new account."""

        async def send(asked: dict[str, Any]) -> str:
            made = await self.desk.api.add_account(asked)
            return " ".join(filter(None, [f"Account {clean(made.name)} is made.", clean(made.note)]))

        me = self.desk.me
        start = {} if me is None else {"group": me.group, "role": "user"}
        form = Form(
            title="A new account", questions=people.NEW_ACCOUNT, read=people.new_account, send=send, start=start
        )
        self.ask(form)

    def change(self) -> None:
        """The account under the cursor."""
        if (old := self.selected) is None:
            return

        async def send(asked: dict[str, Any]) -> str:
            made = await self.desk.api.change_account(old.name, asked)
            return " ".join(filter(None, [f"Account {clean(made.name)} is changed.", clean(made.note)]))

        form = Form(
            title=f"Account {old.name}",
            questions=people.ACCOUNT,
            read=people.account_changes(old),
            send=send,
            start=people.account_texts(old),
        )
        self.ask(form)

    def take_away(self) -> None:
        """Disable it: what it did stays in the books, so an account is never taken away."""
        if (old := self.selected) is None or not self.desk.is_free_for(ConfirmScreen):
            return
        if old.disabled:
            self.desk.notify(
                f"Account {clean(old.name)} is disabled already. e and Disabled lets it in again.", markup=False
            )
            return
        question = Question(
            title=f"Disable account {clean(old.name)}?",
            lines=[[(f"{clean(old.role)} of group {clean(old.group)}", "text")]],
            warning="Its sessions and tokens end at once. Its jobs stay as they are.",
            yes=f"Disable {clean(old.name)}",
            keep="Leave it",
            type_this=old.name,
        )

        def answered(yes: bool | None) -> None:
            if yes:
                call = lambda: self.desk.api.change_account(old.name, {"disabled": True})  # noqa: E731
                self.do(call, f"Account {clean(old.name)} is disabled.")

        self.desk.push_screen(ConfirmScreen(question), answered)


class GroupsPage(ListPage[GroupView]):
    """Research groups with their terms."""

    TITLE = "Groups"
    FOR_ADMINS = True
    HINT = "a add   e edit   x remove"

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        names = (("name", 16), ("priority", 8), ("share", 6), ("guaranteed", 10), ("usage", 14))
        return fitted(cells, *names, last="limits")

    async def fetch(self) -> list[GroupView]:
        """All for admins, the own one for others."""
        return await self.desk.api.groups()

    def row(self, item: GroupView) -> ListRow:
        """Cells."""
        return ListRow(item.name, group_cells(item))

    def detail(self, item: GroupView) -> Sequence[Line]:
        """What usage is."""
        return [[("usage fades with the half-life of the settings; 4 usage tells what follows from it", "quiet")]]

    def add(self) -> None:
        """A new group."""

        async def send(asked: dict[str, Any]) -> str:
            return f"Group {clean((await self.desk.api.add_group(asked)).name)} is made."

        self.ask(Form(title="A new group", questions=people.NEW_GROUP, read=people.new_group, send=send))

    def change(self) -> None:
        """The group under the cursor."""
        if (old := self.selected) is None:
            return

        async def send(asked: dict[str, Any]) -> str:
            return f"Group {clean((await self.desk.api.change_group(old.name, asked)).name)} is changed."

        form = Form(
            title=f"Group {old.name}",
            questions=people.GROUP,
            read=people.group_changes(old),
            send=send,
            start=people.group_texts(old),
        )
        self.ask(form)

    def take_away(self) -> None:
        """Take it away, if it has no accounts."""
        if (old := self.selected) is None or not self.desk.is_free_for(ConfirmScreen):
            return
        question = Question(
            title=f"Remove group {clean(old.name)}?",
            lines=[[(f"share {old.share:g}, {old.guarantee_gpus} cards guaranteed", "text")]],
            warning="Its terms and limits are forgotten. A group with accounts is not removed.",
            yes=f"Remove {clean(old.name)}",
            keep="Leave it",
            type_this=old.name,
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self.do(lambda: self.desk.api.remove_group(old.name), f"Group {clean(old.name)} is removed.")

        self.desk.push_screen(ConfirmScreen(question), answered)


class ServicesPage(ListPage[ServiceView]):
    """Named kinds of work."""

    TITLE = "Services"
    FOR_ADMINS = True
    HINT = "a add   e edit"

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        return fitted(cells, ("name", 20), ("for each account", 16), last="limits of all its jobs")

    async def fetch(self) -> list[ServiceView]:
        """All of them."""
        return await self.desk.api.services()

    def row(self, item: ServiceView) -> ListRow:
        """Cells."""
        return ListRow(item.name, service_cells(item))

    def add(self) -> None:
        """A new service."""

        async def send(asked: dict[str, Any]) -> str:
            name = asked.pop("name")
            return f"Service {clean((await self.desk.api.put_service(name, asked)).name)} is there."

        self.ask(Form(title="A new service", questions=people.NEW_SERVICE, read=people.service, send=send))

    def change(self) -> None:
        """The service under the cursor."""
        if (old := self.selected) is None:
            return

        async def send(asked: dict[str, Any]) -> str:
            return f"Service {clean((await self.desk.api.put_service(old.name, asked)).name)} is changed."

        form = Form(
            title=f"Service {old.name}",
            questions=people.SERVICE,
            read=people.service,
            send=send,
            start=people.service_texts(old),
        )
        self.ask(form)
