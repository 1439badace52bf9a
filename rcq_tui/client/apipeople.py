"""Calls about people over the engine's socket. Must not know screens."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from engine.protocol.audit import AuditChain, AuditPage
from engine.protocol.errors import Refused
from engine.protocol.notifications import ChannelTest, NotifyView
from engine.protocol.people import AccountView, GroupView, Me, ServiceView, Session
from engine.protocol.responses import Health
from engine.protocol.tokens import NewToken, TokenView
from rcq_tui.client.decode import decode, decode_items
from rcq_tui.client.transport import LARGE_TIMEOUT, Transport


class PeopleApi(Transport):
    """Log-in, accounts, groups, services, tokens, the audit log."""

    async def health(self) -> Health:
        """Whether the engine is fit; a starting or stalled one says so in its status, too."""
        try:
            return decode(Health, await self._call("GET", "/healthz"))
        except Refused as refused:
            known = {"version": "?", "last_pass_age_s": None, "accounts": True, "status": "starting"}
            for detail in refused.details:
                known |= detail
            return decode(Health, known)

    async def login(self, name: str, password: str) -> Session:
        """Log in; further calls use the session. Where that fails one stays who one was."""
        before, self._token = self._token, None
        try:
            session = decode(Session, await self._call("POST", "/v1/login", body={"name": name, "password": password}))
            before = session.token
        finally:
            self._token = before
        return session

    async def logout(self) -> None:
        """End the session; the token is forgotten whatever the engine says."""
        try:
            await self._call("POST", "/v1/logout")
        finally:
            self._token = None

    async def change_password(self, old: str, new: str) -> None:
        """Set one's own password; one's other sessions end."""
        await self._call("POST", "/v1/password", body={"old": old, "new": new})

    async def me(self) -> Me:
        """Who the caller is to the engine."""
        return decode(Me, await self._call("GET", "/v1/me"))

    async def groups(self) -> list[GroupView]:
        """Groups that the caller may see."""
        return decode_items(GroupView, await self._call("GET", "/v1/groups"))

    async def accounts(self) -> list[AccountView]:
        """Accounts that the caller may see."""
        return decode_items(AccountView, await self._call("GET", "/v1/accounts"))

    async def services(self) -> list[ServiceView]:
        """Every service."""
        return decode_items(ServiceView, await self._call("GET", "/v1/services"))

    async def add_account(self, asked: Mapping[str, Any]) -> AccountView:
        """Make an account."""
        return decode(AccountView, await self._call("POST", "/v1/accounts", body=asked))

    async def change_account(self, name: str, changes: Mapping[str, Any]) -> AccountView:
        """Change what is named."""
        return decode(AccountView, await self._call("PATCH", f"/v1/accounts/{quote(name, safe='')}", body=changes))

    async def add_group(self, asked: Mapping[str, Any]) -> GroupView:
        """Make a group."""
        return decode(GroupView, await self._call("POST", "/v1/groups", body=asked))

    async def change_group(self, name: str, changes: Mapping[str, Any]) -> GroupView:
        """Change what is named."""
        return decode(GroupView, await self._call("PATCH", f"/v1/groups/{quote(name, safe='')}", body=changes))

    async def remove_group(self, name: str) -> None:
        """Remove a group without accounts."""
        await self._call("DELETE", f"/v1/groups/{quote(name, safe='')}")

    async def put_service(self, name: str, terms: Mapping[str, Any]) -> ServiceView:
        """Make or change a service."""
        return decode(ServiceView, await self._call("PUT", f"/v1/services/{quote(name, safe='')}", body=terms))

    async def audit(self, asked: Mapping[str, str]) -> AuditPage:
        """Entries of the audit log, newest first."""
        return decode(AuditPage, await self._call("GET", "/v1/audit", query=asked))

    async def audit_chain(self) -> AuditChain:
        """Whether each entry of the audit log is what was written."""
        return decode(AuditChain, await self._call("GET", "/v1/audit/chain", bounds=LARGE_TIMEOUT))

    async def tokens(self, *, everybody: bool = False) -> list[TokenView]:
        """Sessions and API tokens that have not expired."""
        return decode_items(TokenView, await self._call("GET", "/v1/tokens", query={"all": "1" if everybody else None}))

    async def create_token(self, name: str, days: int | None, *, read_only: bool = False) -> NewToken:
        """Make an API token for oneself."""
        body: dict[str, Any] = {"name": name, "read_only": read_only} | ({} if days is None else {"days": days})
        return decode(NewToken, await self._call("POST", "/v1/tokens", body=body))

    async def revoke_token(self, token: str) -> TokenView:
        """End a session or an API token."""
        return decode(TokenView, await self._call("DELETE", f"/v1/tokens/{quote(token, safe='')}"))

    async def notify(self) -> NotifyView:
        """What the caller chose to be told, and how."""
        return decode(NotifyView, await self._call("GET", "/v1/notify"))

    async def choose_notify(self, choice: Mapping[str, Any]) -> NotifyView:
        """Choose; what is left out is off."""
        return decode(NotifyView, await self._call("PUT", "/v1/notify", body=choice))

    async def test_notify(self) -> list[ChannelTest]:
        """Send a test by each chosen channel."""
        return decode_items(ChannelTest, await self._call("POST", "/v1/notify/test", bounds=LARGE_TIMEOUT))
