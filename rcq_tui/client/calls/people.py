"""Calls about people: log-in, accounts, groups, services, tokens, the audit log. Must not know how a call travels."""

from collections.abc import Mapping
from typing import Any, Protocol

from engine.protocol.audit import AuditChain, AuditPage
from engine.protocol.notifications import ChannelTest, NotifyView
from engine.protocol.people import AccountView, GroupView, Me, ServiceView, Session
from engine.protocol.responses import Health
from engine.protocol.tokens import NewToken, TokenView


class PeopleCalls(Protocol):
    """Log-in, and whom the engine knows."""

    async def health(self) -> Health:
        """Whether the engine is fit; no log-in needed. Answers also while it starts or stalls."""
        ...

    async def login(self, name: str, password: str) -> Session:
        """Log in; further calls use the session."""
        ...

    async def logout(self) -> None:
        """End the session; the token is forgotten whatever the engine says."""
        ...

    async def change_password(self, old: str, new: str) -> None:
        """Set one's own password; one's other sessions end."""
        ...

    async def me(self) -> Me:
        """Who the caller is to the engine."""
        ...

    async def groups(self) -> list[GroupView]:
        """Groups that the caller may see."""
        ...

    async def accounts(self) -> list[AccountView]:
        """Accounts that the caller may see."""
        ...

    async def services(self) -> list[ServiceView]:
        """Every service."""
        ...

    async def add_account(self, asked: Mapping[str, Any]) -> AccountView:
        """Make an account: `name`, `group`, and as the API has it `role`, `password`, `unix_user`, …"""
        ...

    async def change_account(self, name: str, changes: Mapping[str, Any]) -> AccountView:
        """Change what is named; a `quota` replaces the whole quota."""
        ...

    async def add_group(self, asked: Mapping[str, Any]) -> GroupView:
        """Make a group: `name`, and as the API has it `priority`, `share`, `quota`, …"""
        ...

    async def change_group(self, name: str, changes: Mapping[str, Any]) -> GroupView:
        """Change what is named; a `quota` replaces the whole quota."""
        ...

    async def remove_group(self, name: str) -> None:
        """Remove a group without accounts."""
        ...

    async def put_service(self, name: str, terms: Mapping[str, Any]) -> ServiceView:
        """Make or change a service."""
        ...

    async def audit(self, asked: Mapping[str, str]) -> AuditPage:
        """Entries of the audit log, newest first; asked: the filters of `GET /v1/audit`."""
        ...

    async def audit_chain(self) -> AuditChain:
        """Whether each entry of the audit log is what was written."""
        ...

    async def tokens(self, *, everybody: bool = False) -> list[TokenView]:
        """Sessions and API tokens that have not expired, one's own or everybody's."""
        ...

    async def create_token(self, name: str, days: int | None, *, read_only: bool = False) -> NewToken:
        """Make an API token for oneself; it is shown this once."""
        ...

    async def revoke_token(self, token: str) -> TokenView:
        """End a session or an API token by its id."""
        ...

    async def notify(self) -> NotifyView:
        """What the caller chose to be told, and how."""
        ...

    async def choose_notify(self, choice: Mapping[str, Any]) -> NotifyView:
        """Choose; what is left out is off."""
        ...

    async def test_notify(self) -> list[ChannelTest]:
        """Send a test by each chosen channel; what came of it."""
        ...
