"""Who is asking, and log-in: tokens, sessions, the Unix user behind a connection, one's own password.

Only a token's SHA-256 is kept, and a token is looked up by it. How long that takes may tell something of a stored hash,
and that leads to no token: it has 256 random bits. Must not know HTTP, nor what anybody may do.
"""

import asyncio
import hashlib
import logging
import pwd
import secrets
import time
from dataclasses import replace

from config.settings import AuthSettings
from engine.api.asks import Identity, Origin
from engine.daemon.answers import BY_PASSWORD, audited, not_ready
from engine.daemon.failedlogins import FailedLogins, Kind
from engine.daemon.passwords import Passwords
from engine.daemon.register import Register
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.people import Session
from engine.store.accounts import Account
from engine.store.errors import Missing, StoreError
from engine.store.sessions import StoredSession
from engine.store.store import Store

log = logging.getLogger(__name__)

REMEMBERED = 10_000
NAME_S = 30.0
"""For so long a Unix user's name is not asked for again: it changes when an admin renames somebody, hardly ever."""
PREFIX = "rcq_"
"""What a token begins with, so that programs that look for leaked secrets know one."""
WRONG = "Wrong name or password. Try again, or ask an admin to set a new password."


class Logins:
    """Sessions and identities."""

    def __init__(
        self,
        *,
        register: Register,
        store: Store,
        passwords: Passwords,
        failures: FailedLogins,
        settings: AuthSettings,
        clock: Clock,
    ) -> None:
        self._register = register
        self._store = store
        self._passwords = passwords
        self.failures = failures
        self._settings = settings
        self._clock = clock
        self._sessions: dict[str, StoredSession] = {}
        self._generation = 0
        self._unix_names: dict[int, tuple[str, float]] = {}

    async def by_token(self, token: str) -> Identity | None:
        """Whose unexpired session or API token this is; `None` also for a disabled account."""
        sha256 = digest(token)
        session = self._sessions.get(sha256)
        if session is None:
            generation = self._generation
            session = await self._find(sha256)
            if session is None:
                return None
            if generation == self._generation and len(self._sessions) < REMEMBERED:
                self._sessions[sha256] = session
        account = self._register.accounts.get(session.account)
        if account is None or account.disabled or session.expires_at <= self._clock.now():
            return None
        return self._identity(account, "token", session)

    async def by_peer(self, uid: int) -> Identity | None:
        """The enabled account linked to that Unix user, when `auth.peer` is on; for root, the one of `auth.root`."""
        if uid == 0 and self._settings.root is not None:
            account = self._register.accounts.get(self._settings.root)
            return None if account is None or account.disabled else self._identity(account, "peer", None)
        if not self._settings.peer:
            return None
        account = self._register.by_unix_user(await self._unix_name(uid))
        return None if account is None or account.disabled else self._identity(account, "peer", None)

    async def login(self, name: str, password: str, origin: Origin | None = None) -> Session:
        """A new session; the account's oldest beyond `auth.sessions_per_account` end."""
        uid = origin.uid if origin else None
        account = self._register.accounts.get(name)
        stored = account.password_hash if account else None
        right = await self._check("login.failed", name, password, stored, origin)
        account = self._register.accounts.get(name)
        if not right or stored is None or account is None or account.disabled:
            if right:
                self._failed("login.failed", name, origin, "disabled")
            raise Refused("UNAUTHENTICATED", WRONG)
        token = new_token()
        now = self._clock.now()
        session = StoredSession(
            sha256=digest(token),
            account=name,
            created_at=now,
            expires_at=now + self._settings.session_days * 86_400.0,
        )
        who = replace(self._identity(account, "token", session), origin=origin)
        entry = replace(audited(self._clock, who, "login", name, owner=name), via=BY_PASSWORD)
        keep = self._settings.sessions_per_account
        try:
            await self._store.sessions.open(session, keep, password_hash=stored, entry=entry)
        except Missing as error:  # it was set anew, or the account disabled, while this one was checked
            raise Refused("UNAUTHENTICATED", WRONG) from error
        except StoreError as error:
            raise not_ready(error) from error
        self.forget()
        await self._keep_cost(name, password, stored, uid)
        return Session(
            token=token,
            account=name,
            group=account.group,
            role=account.role,
            expires_at=session.expires_at,
            must_change_password=who.must_change_password,
        )

    async def logout(self, who: Identity) -> None:
        """End the session of this request; INVALID_STATE where there is none, as over the Unix user or an API token."""
        if who.session is None:
            raise Refused("INVALID_STATE", "There is no session to end: the Unix user says who you are.")
        if who.token_name is not None:
            told = f"This is the API token {who.token_name}. To end it: rcq token revoke {who.token_name}"
            raise Refused("INVALID_STATE", told)
        try:
            await self._store.sessions.close(
                who.session, entry=audited(self._clock, who, "logout", who.account, owner=who.account)
            )
        except StoreError as error:
            raise not_ready(error) from error
        self.forget()

    async def change_password(self, who: Identity, old: str, new: str) -> None:
        """Set one's own password; one's other sessions and all API tokens end.

        UNAUTHENTICATED if the old one is wrong, VALIDATION_ERROR over 72 bytes and for a one-time password again.
        """
        only_in_person(who)
        uid = who.origin.uid if who.origin else None
        account = self._register.accounts.get(who.account)
        stored = account.password_hash if account else None
        if not await self._check("password.failed", who.account, old, stored, who.origin):
            raise Refused("UNAUTHENTICATED", "The old password is wrong. Try again, or ask an admin to set a new one.")
        was_one_time = account is not None and account.one_time
        if was_one_time and new == old:
            told = "must be another one than the one-time password"
            raise Refused("VALIDATION_ERROR", f"The new password {told}.", [{"field": "new", "message": told}])
        hashed = await self._passwords.hash(new, uid, field="new")
        entry = audited(self._clock, who, "password", who.account, owner=who.account, was_one_time=was_one_time)
        try:
            await self._store.accounts.change(
                who.account,
                lambda before: _with_password(before, stored, hashed),
                entry=entry,
                ends_sessions=True,
                but=who.session,
            )
        except Missing as error:
            raise Refused("UNAUTHENTICATED", f"{error} Log in with the new one: rcq login {who.account}") from error
        except StoreError as error:
            raise not_ready(error) from error
        self.forget()
        await self._register.load()

    def forget(self) -> None:
        """Sessions may have ended: look each up anew, also those that are just being looked up."""
        self._sessions.clear()
        self._generation += 1

    async def purge(self) -> None:
        """Forget what has expired."""
        await self._store.sessions.purge(self._clock.now())
        self.forget()

    def _identity(self, account: Account, via: str, session: StoredSession | None) -> Identity:
        is_api_token = session is not None and session.kind == "token"
        return Identity(
            account=account.name,
            group=account.group,
            role=account.role,
            via=via,
            expires_at=session.expires_at if session else None,
            session=session.sha256 if session else None,
            must_change_password=account.one_time and session is not None and not is_api_token,
            manages_group=account.manager and self._settings.group_managers,
            token_name=session.name if session is not None and is_api_token else None,
            read_only=session is not None and session.scope == "read",
        )

    async def _check(self, action: str, name: str, password: str, stored: str | None, origin: Origin | None) -> bool:
        """As `Passwords.check`; whatever is not right is noted."""
        try:
            right = await self._passwords.check(name, password, stored, origin.uid if origin else None)
        except Refused:
            self._failed(action, name, origin, "refused")
            raise
        if not right:
            self._failed(action, name, origin, "wrong")
        return right

    def _failed(self, action: str, name: str, origin: Origin | None, why: str) -> None:
        known = name if name in self._register.accounts else None
        self.failures.note(Kind(action=action, name=known, uid=origin.uid if origin else None, why=why), origin)

    async def _unix_name(self, uid: int) -> str:
        """The name of that Unix user, its number where there is none.

        In a thread, as the user database may wait for a directory server, and remembered, as each request asks.
        """
        known, until = self._unix_names.get(uid, ("", 0.0))
        if time.monotonic() >= until:
            known = await asyncio.to_thread(_name_of, uid)
            self._unix_names[uid] = known, time.monotonic() + NAME_S
        return known

    async def _keep_cost(self, name: str, password: str, stored: str, uid: int | None) -> None:
        """Hash a password anew that was hashed at another cost: else its checks would take their own time."""
        if not self._passwords.is_of_other_rounds(stored):
            return
        try:
            hashed = await self._passwords.hash(password, uid)
            await self._store.accounts.change(
                name, lambda a: replace(a, password_hash=hashed) if a.password_hash == stored else a
            )
            await self._register.load()
        except (Refused, StoreError) as error:
            log.warning("the password of %s is still hashed at its old cost: %s", name, error)

    async def _find(self, sha256: str) -> StoredSession | None:
        try:
            return await self._store.sessions.find(sha256, self._clock.now())
        except StoreError as error:
            raise not_ready(error) from error


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _with_password(account: Account, stored: str | None, hashed: str) -> Account:
    """With the new hash, unless somebody else (an admin: it was stolen) has set another since the old was checked."""
    if account.password_hash != stored or account.disabled:
        raise Missing(f"The password of {account.name} was set by somebody else meanwhile.")
    return replace(account, password_hash=hashed, one_time=False)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def only_in_person(who: Identity) -> None:
    """Raises Refused (FORBIDDEN) for an API token: who finds one must not make a way in that outlives it."""
    if who.token_name is not None:
        told = "An API token cannot do that: it must not make another way in. Log in yourself: rcq login"
        raise Refused("FORBIDDEN", told)
