"""What every account chose to be told, in memory as on disk.

Must not know what happens, nor how it is told.
"""

from engine.daemon.register import Register
from engine.store.audit import Entry
from engine.store.notifications import Choice, Notifications


class Choices:
    """Nobody is told anything before they chose. The engine is the only one that changes them."""

    def __init__(self, *, store: Notifications, register: Register) -> None:
        self._store = store
        self._register = register
        self._known: dict[str, Choice] = {}

    async def load(self) -> None:
        """Read them, at start. Raises StoreError."""
        self._known = {choice.account: choice for choice in await self._store.choices()}

    def of(self, account: str) -> Choice:
        """What an account chose: nothing, where it never did."""
        return self._known.get(account) or Choice(account=account)

    def tells(self, account: str, event: str | None = None) -> bool:
        """Whether the account wants to be told of the event, or of anything at all."""
        choice = self._known.get(account)
        if choice is None or not choice.on or not channels_of(choice):
            return False
        known = self._register.accounts.get(account)
        return known is not None and not known.disabled and (event is None or event in choice.on)

    def admins(self) -> set[str]:
        """Admins that chose anything."""
        accounts = self._register.accounts
        return {name for name in self._known if name in accounts and accounts[name].role == "admin"}

    async def choose(self, choice: Choice, entry: Entry) -> None:
        """From now on this. Raises StoreError."""
        await self._store.choose(choice, entry=entry)
        self._known[choice.account] = choice


def channels_of(choice: Choice) -> tuple[str, ...]:
    """The channels that are chosen."""
    chosen = {
        "mail": choice.mail is not None,
        "webhook": choice.webhook is not None,
        "command": choice.command,
        "terminal": choice.terminal != "off",
    }
    return tuple(channel for channel, is_chosen in chosen.items() if is_chosen)
