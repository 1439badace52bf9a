"""Sessions and API tokens: one's own, for admins everybody's. Must not know how a token is made."""

from collections.abc import Sequence
from typing import Any

from engine.protocol.tokens import NewToken, TokenView
from rcq_tui.tui.adminpages.base import ListPage, fitted
from rcq_tui.tui.form import people
from rcq_tui.tui.screens.ask import Form
from rcq_tui.tui.screens.confirm import ConfirmScreen, Question
from rcq_tui.tui.screens.secret import SecretScreen
from rcq_tui.tui.widgets.list_table import ListRow
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.viewmodel.people import token_cells
from rcq_tui.viewmodel.text import clean


class TokensPage(ListPage[TokenView]):
    """What opens the engine besides passwords and Unix users."""

    TITLE = "Sessions and tokens"
    HINT = "a make a token   x revoke"

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        names = (("id", 16), ("kind", 7), ("name", 16), ("account", 14), ("scope", 10), ("made", 19))
        return fitted(cells, *names, last="holds for")

    async def fetch(self) -> list[TokenView]:
        """Everybody's for admins, the own ones for others."""
        return await self.desk.api.tokens(everybody=self.is_admin)

    def row(self, item: TokenView) -> ListRow:
        """Cells."""
        return ListRow(item.id, token_cells(item, self.desk.clock()))

    def add(self) -> None:
        """A token for oneself; it is shown this once."""

        async def send(asked: dict[str, Any]) -> str:
            made = await self.desk.api.create_token(asked["name"], asked["days"], read_only=asked["read_only"])
            self._show(made)
            return f"Token {clean(made.name)} is made."

        self.ask(Form(title="A new API token for yourself", questions=people.TOKEN, read=people.token, send=send))

    def _show(self, made: NewToken) -> None:
        title = f"Token {clean(made.name)}: keep it now, it is not shown again"
        self.call_later(self.desk.push_screen, SecretScreen(title, made.token))

    def take_away(self) -> None:
        """End it."""
        if (old := self.selected) is None or not self.desk.is_free_for(ConfirmScreen):
            return
        name, kind = clean(old.name) or clean(old.id), clean(old.kind)
        cut_off = "You are logged out: it is the one you use." if old.current else "Whoever uses it is cut off at once."
        question = Question(
            title=f"Revoke {kind} {name}?",
            lines=[[(f"of {clean(old.account)}", "text")]],
            warning=cut_off,
            yes=f"Revoke {name}",
            keep="Leave it",
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self.do(lambda: self.desk.api.revoke_token(old.id), f"{kind.capitalize()} {name} is revoked.")

        self.desk.push_screen(ConfirmScreen(question), answered)
