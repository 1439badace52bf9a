"""What people ask of notifications: see and change what they chose, send a test. Must not know HTTP."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex
from urllib.parse import urlsplit

from config.settings import NotifySettings
from engine.api.asks import Identity, NotifyChoice
from engine.core.model import AccountName, Owner
from engine.daemon.access import Action, require
from engine.daemon.answers import audited, not_ready
from engine.daemon.notify.choices import Choices, channels_of
from engine.daemon.notify.gathering import Gathering
from engine.daemon.notify.outbox import Outbox
from engine.daemon.register import Register
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.notifications import CHANNELS, ChannelTest, Notification, NotifyView
from engine.protocol.webhooks import target_of
from engine.store.errors import StoreError
from engine.store.notifications import Choice

ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+'-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,189}")
TEST_S = 30.0
"""A test is answered within that, with what is known by then."""


class NotifyService:
    """Behind the API. Everybody their own; admins see and switch off those of others."""

    def __init__(
        self,
        *,
        choices: Choices,
        outbox: Outbox,
        gathering: Gathering,
        register: Register,
        settings: NotifySettings,
        clock: Clock,
    ) -> None:
        self._choices = choices
        self._outbox = outbox
        self._gathering = gathering
        self._register = register
        self._settings = settings
        self._clock = clock

    async def own(self, who: Identity) -> NotifyView:
        """What the caller chose."""
        require(who, Action.CHOOSE_NOTIFY)
        return self._view(self._choices.of(who.account))

    async def of(self, who: Identity, account: str) -> NotifyView:
        """What an account chose; for others than itself (admins) without the path of its webhook. NOT_FOUND."""
        return self._for(who, self._choices.of(self._known(who, account)))

    async def choose(self, who: Identity, asked: NotifyChoice) -> NotifyView:
        """From now on this, whole. A new webhook has a new secret, told this once. VALIDATION_ERROR."""
        require(who, Action.CHOOSE_NOTIFY)
        self._check(asked)
        before = self._choices.of(who.account)
        keeps = asked.webhook is not None and asked.webhook == before.webhook and not asked.new_secret
        secret = before.secret if keeps else (None if asked.webhook is None else token_hex(32))
        after = Choice(
            account=who.account,
            on=asked.on,
            mail=asked.mail,
            webhook=asked.webhook,
            secret=secret,
            command=asked.command,
            terminal=asked.terminal,
            min_run_s=asked.min_run_s,
        )
        await self._write(who, before, after)
        return replace(self._view(after), webhook_secret=None if keeps else secret)

    async def switch_off(self, who: Identity, account: str) -> NotifyView:
        """Nothing is sent to the account any more, whatever waits; its choice of channels is forgotten. NOT_FOUND."""
        before = self._choices.of(self._known(who, account))
        await self._write(who, before, Choice(account=account))
        return self._for(who, self._choices.of(account))

    async def test(self, who: Identity) -> list[ChannelTest]:
        """Send a test by each channel now, once; how that went. INVALID_STATE with no channel, RATE_LIMITED."""
        require(who, Action.CHOOSE_NOTIFY)
        choice = self._choices.of(who.account)
        if not channels_of(choice):
            raise Refused("INVALID_STATE", "You chose no channel yet. For example: rcq notify set --mail ADDRESS.")
        if (wait_s := self._gathering.full_for_s(who.account)) > 0:
            most = self._settings.per_hour
            raise Refused("RATE_LIMITED", f"You got {most} messages in an hour, no more may be.", retry_after_s=wait_s)
        self._gathering.count(who.account)
        told = self._gathering.blank(who.account, test=True)
        return await asyncio.gather(*(self._test(channel, told, choice) for channel in channels_of(choice)))

    async def _test(self, channel: str, told: Notification, choice: Choice) -> ChannelTest:
        if channel == "terminal":
            self._outbox.show(told, choice)
            return ChannelTest(channel=channel, ok=True, message="every terminal UI that you have open is told")
        try:
            async with asyncio.timeout(TEST_S):
                answer = await self._outbox.ask(channel, told, choice)
        except TimeoutError:
            return ChannelTest(channel=channel, ok=False, message=f"No answer within {TEST_S:g} s.")
        return ChannelTest(channel=channel, ok=bool(answer["ok"]), message=str(answer["message"]))

    def _known(self, who: Identity, account: str) -> str:
        """FORBIDDEN for another's, unless admin. NOT_FOUND."""
        require(who, Action.SEE_NOTIFY, Owner(account=AccountName(account)))
        if account not in self._register.accounts:
            raise Refused("NOT_FOUND", f"There is no account {account}. See: rcq account list.")
        return account

    def _check(self, asked: NotifyChoice) -> None:
        if asked.mail is not None:
            if self._settings.mail == "off":
                raise _wrong("mail", "cannot be sent by this engine; an admin sets notify.mail")
            if not ADDRESS.fullmatch(asked.mail):
                raise _wrong("mail", "must be one plain address, such as ada@example.org")
            domains = [domain.lower() for domain in self._settings.mail_domains]
            if domains and asked.mail.rpartition("@")[2].lower() not in domains:
                raise _wrong("mail", f"must be of {', '.join(domains)} (notify.mail_domains)")
        if asked.webhook is not None:
            try:
                target_of(asked.webhook, self._settings.webhook_hosts)
            except ValueError as error:
                raise _wrong("webhook", str(error)) from None
        if asked.command and not self._settings.command:
            raise _wrong("command", "is none of this engine; an admin sets notify.command")

    async def _write(self, who: Identity, before: Choice, after: Choice) -> None:
        told = {"before": _audited(before), "after": _audited(after)}
        entry = audited(self._clock, who, "notify.set", after.account, owner=after.account, **told)
        try:
            await self._choices.choose(after, entry)
        except StoreError as error:
            raise not_ready(error) from error

    def _for(self, who: Identity, choice: Choice) -> NotifyView:
        view = self._view(choice)
        if who.account == choice.account or view.webhook is None:
            return view
        # chat programs have their secret in the path
        parts = urlsplit(view.webhook)
        return replace(view, webhook=f"{parts.scheme}://{parts.netloc}/…")

    def _view(self, choice: Choice) -> NotifyView:
        return NotifyView(
            account=choice.account,
            on=list(choice.on),
            mail=choice.mail,
            webhook=choice.webhook,
            command=choice.command,
            terminal=choice.terminal,
            min_run_s=choice.min_run_s,
            available=self._available(),
            waiting=self._outbox.waiting(choice.account),
            last_failure=self._outbox.failures.get(choice.account),
        )

    def _available(self) -> list[str]:
        settings = self._settings
        lacking = {
            "mail": settings.mail == "off",
            "webhook": not settings.webhook_hosts,
            "command": not settings.command,
        }
        return [channel for channel in CHANNELS if not lacking.get(channel)]


def _audited(choice: Choice) -> dict[str, str | float | bool | Sequence[str] | None]:
    """Without what a webhook's caller could do with it."""
    return {
        "on": list(choice.on),
        "mail": choice.mail,
        "webhook": None if choice.webhook is None else urlsplit(choice.webhook).hostname,
        "command": choice.command,
        "terminal": choice.terminal,
        "min_run_s": choice.min_run_s,
    }


def _wrong(field: str, told: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"{field} {told}.", [{"field": field, "message": told}])
