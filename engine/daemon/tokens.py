"""API tokens, and the sessions beside them: make, list, revoke. The API's `Tokens`.

An API token is its account without a password: it expires, and can make nothing that outlives it. Must not know HTTP.
"""

from config.settings import AuthSettings
from engine.api.asks import Identity, NewTokenAsked
from engine.core.model import AccountName, GroupName, Owner
from engine.daemon.access import Action, may, require
from engine.daemon.answers import audited, not_ready
from engine.daemon.ground import Ground
from engine.daemon.logins import Logins, digest, new_token, only_in_person
from engine.daemon.register import Register
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.tokens import NewToken, TokenView
from engine.store.errors import Exists, Missing, StoreError
from engine.store.sessions import StoredSession
from engine.store.store import Store

DAY_S = 86_400.0


class TokenService:
    """Fulfils `engine.api.backend.Tokens`."""

    def __init__(
        self, *, register: Register, store: Store, logins: Logins, settings: AuthSettings, clock: Clock
    ) -> None:
        self._register = register
        self._store = store
        self._logins = logins
        self._settings = settings
        self._clock = clock

    async def create(self, who: Identity, asked: NewTokenAsked) -> NewToken:
        """A new API token of the caller's own account; on disk on return."""
        require(who, Action.MAKE_TOKENS)
        only_in_person(who)
        token = new_token()
        stored = self._stored(who, asked, token)
        entry = audited(
            self._clock,
            who,
            "token.create",
            stored.id,
            owner=who.account,
            name=stored.name,
            scope=stored.scope,
            expires_at=stored.expires_at,
        )
        most = self._settings.tokens_per_account
        try:
            is_made = await self._store.sessions.add_token(stored, most, by=who.session, entry=entry)
        except Exists as error:
            raise Refused("INVALID_STATE", str(error)) from error
        except Missing as error:
            raise Refused("UNAUTHENTICATED", f"{error} Log in again: rcq login {who.account}") from error
        except StoreError as error:
            raise not_ready(error) from error
        if not is_made:
            told_most = f"You have {most} API tokens, which is the most (auth.tokens_per_account). Revoke one first."
            raise Refused("QUOTA_EXCEEDED", told_most, [{"field": "", "message": "too many tokens", "most": most}])
        return NewToken(
            token=token,
            id=stored.id,
            name=asked.name,
            account=stored.account,
            scope=stored.scope,
            created_at=stored.created_at,
            expires_at=stored.expires_at,
        )

    async def tokens(self, who: Identity, account: str | None, everybodys: bool) -> list[TokenView]:
        """Sessions and tokens that have not expired: the caller's own, an account's or everybody's (admins)."""
        if everybodys or account not in (None, who.account):
            require(who, Action.SEE_ALL_TOKENS)
        if account is not None and account not in self._register.accounts:
            raise Refused("NOT_FOUND", f"There is no account {account}. See: rcq account list.")
        now = self._clock.now()
        sessions = self._store.sessions
        try:
            found = await (sessions.all(now) if everybodys else sessions.of(account or who.account, now))
        except StoreError as error:
            raise not_ready(error) from error
        return [_view(session, who) for session in found]

    async def revoke(self, who: Identity, token_id: str) -> TokenView:
        """End a session or a token at once. NOT_FOUND also for another account's, unless admin."""
        try:
            session = await self._store.sessions.by_id(token_id, self._clock.now())
            if session is None or not may(who, Action.REVOKE_TOKENS, self._owner(session)):
                told = f"There is no session or API token {token_id} that you may end. See: rcq token list."
                raise Refused("NOT_FOUND", told)
            if session.sha256 != who.session:
                only_in_person(who)
            about = {"name": session.name, "kind": session.kind}
            entry = audited(self._clock, who, "token.revoke", session.id, owner=session.account, before=about)
            await self._store.sessions.close(session.sha256, entry=entry)
        except StoreError as error:
            raise not_ready(error) from error
        self._logins.forget()
        return _view(session, who)

    def _owner(self, session: StoredSession) -> Owner | None:
        account = self._register.accounts.get(session.account)
        return Owner(account=AccountName(account.name), group=GroupName(account.group)) if account else None

    def _stored(self, who: Identity, asked: NewTokenAsked, token: str) -> StoredSession:
        """Raises Refused (VALIDATION_ERROR) for a longer life than there is."""
        days = self._settings.token_days if asked.days is None else asked.days
        if days > self._settings.token_days:
            message = f"must be {self._settings.token_days:g} at most (auth.token_days)"
            raise Refused("VALIDATION_ERROR", f"days {message}.", [{"field": "days", "message": message}])
        now = self._clock.now()
        return StoredSession(
            sha256=digest(token),
            account=who.account,
            created_at=now,
            expires_at=now + days * DAY_S,
            kind="token",
            name=asked.name,
            scope="read" if asked.read_only else "all",
        )


def tokens_of(ground: Ground, logins: Logins) -> TokenService:
    """The service on that ground."""
    return TokenService(
        register=ground.register,
        store=ground.store,
        logins=logins,
        settings=ground.settings.auth,
        clock=ground.clock,
    )


def _view(session: StoredSession, who: Identity) -> TokenView:
    return TokenView(
        id=session.id,
        kind=session.kind,
        name=session.name,
        account=session.account,
        scope=session.scope,
        created_at=session.created_at,
        expires_at=session.expires_at,
        current=session.sha256 == who.session,
    )
