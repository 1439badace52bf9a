"""The scripted engine's people. Must not know screens."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.protocol.audit import AuditChain, AuditEntry, AuditPage
from engine.protocol.errors import Refused
from engine.protocol.notifications import ChannelTest, NotifyView
from engine.protocol.people import AccountView, GroupView, Me, ServiceView, Session
from engine.protocol.responses import Health
from engine.protocol.tokens import NewToken, TokenView
from rcq_tui.client.fakescript import Script


class FakePeople(Script):
    """Log-in, accounts, groups, services, tokens, the audit log."""

    async def health(self) -> Health:
        """Whether the engine is fit."""
        self._note("health")
        return Health(status="ok", version=self.figures.version, last_pass_age_s=0.5, accounts=self.has_accounts)

    async def login(self, name: str, password: str) -> Session:
        """Log in as announced."""
        session: Session = self._scripted("login", name, password)
        self.identity = Me(
            account=session.account,
            group=session.group,
            role=session.role,
            via="token",
            must_change_password=session.must_change_password,
        )
        return session

    async def logout(self) -> None:
        """End the session as announced."""
        self._scripted("logout")
        self.identity = None

    async def change_password(self, old: str, new: str) -> None:
        """Set the password as announced."""
        self._scripted("change_password", old, new)
        if self.identity is not None:
            self.identity = replace(self.identity, must_change_password=False)

    async def me(self) -> Me:
        """Who the caller is."""
        self._note("me")
        if self.identity is None:
            raise Refused("UNAUTHENTICATED", "Log in: rcq login NAME")
        return self.identity

    async def groups(self) -> list[GroupView]:
        """Groups."""
        self._read("groups")
        return list(self.group_views)

    async def accounts(self) -> list[AccountView]:
        """Accounts."""
        self._read("accounts")
        return list(self.account_views)

    async def services(self) -> list[ServiceView]:
        """Services."""
        self._read("services")
        return list(self.service_views)

    async def add_account(self, asked: Mapping[str, Any]) -> AccountView:
        """Make an account as announced; the announced answer is what it is then."""
        made: AccountView = self._scripted("add_account", dict(asked))
        self.account_views.append(made)
        return made

    async def change_account(self, name: str, changes: Mapping[str, Any]) -> AccountView:
        """Change as announced; the announced answer is what it is then."""
        made: AccountView = self._scripted("change_account", name, dict(changes))
        self.account_views = [made if one.name == name else one for one in self.account_views]
        return made

    async def add_group(self, asked: Mapping[str, Any]) -> GroupView:
        """Make a group as announced; the announced answer is what it is then."""
        made: GroupView = self._scripted("add_group", dict(asked))
        self.group_views.append(made)
        return made

    async def change_group(self, name: str, changes: Mapping[str, Any]) -> GroupView:
        """Change as announced; the announced answer is what it is then."""
        made: GroupView = self._scripted("change_group", name, dict(changes))
        self.group_views = [made if one.name == name else one for one in self.group_views]
        return made

    async def remove_group(self, name: str) -> None:
        """Remove as announced."""
        self._scripted("remove_group", name)
        self.group_views = [one for one in self.group_views if one.name != name]

    async def put_service(self, name: str, terms: Mapping[str, Any]) -> ServiceView:
        """Make or change as announced; the announced answer is what it is then."""
        made: ServiceView = self._scripted("put_service", name, dict(terms))
        self.service_views = [*(one for one in self.service_views if one.name != name), made]
        return made

    async def audit(self, asked: Mapping[str, str]) -> AuditPage:
        """The scripted entries, newest first; the cursor is an offset."""
        self._read("audit", dict(asked))
        start = int(asked.get("cursor") or 0)
        end = start + int(asked.get("limit") or 50)
        found = [one for one in self.entries if _asked_for(one, asked)]
        return AuditPage(items=found[start:end], cursor=str(end) if end < len(found) else None)

    async def audit_chain(self) -> AuditChain:
        """The scripted state of the chain."""
        self._read("audit_chain")
        return self.chain

    async def tokens(self, *, everybody: bool = False) -> list[TokenView]:
        """Sessions and tokens."""
        who = self._read("tokens", everybody)
        return [one for one in self.token_views if everybody or one.account == who.account]

    async def create_token(self, name: str, days: int | None, *, read_only: bool = False) -> NewToken:
        """Make one as announced; the announced answer is the token."""
        made: NewToken = self._scripted("create_token", name, days, read_only)
        return made

    async def revoke_token(self, token: str) -> TokenView:
        """End it as announced."""
        self._scripted("revoke_token", token)
        gone = next((one for one in self.token_views if one.id == token), None)
        if gone is None:
            raise Refused("NOT_FOUND", f"There is no token {token}.")
        self.token_views.remove(gone)
        return gone

    async def notify(self) -> NotifyView:
        """The scripted choice."""
        self._read("notify")
        return self.choice

    async def choose_notify(self, choice: Mapping[str, Any]) -> NotifyView:
        """Choose as announced; the announced answer is the choice."""
        self.choice = self._scripted("choose_notify", dict(choice))
        return self.choice

    async def test_notify(self) -> list[ChannelTest]:
        """As announced; the announced answer is what came of it."""
        tests: list[ChannelTest] = self._scripted("test_notify")
        return tests


def _asked_for(entry: AuditEntry, asked: Mapping[str, str]) -> bool:
    action = asked.get("action") or entry.action
    of_action = entry.action.startswith(action[:-1]) if action.endswith("*") else entry.action == action
    who = asked.get("account") or entry.account
    return of_action and entry.account == who and entry.target == (asked.get("target") or entry.target)
