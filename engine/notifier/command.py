"""Gives a notification to the program that the settings name. Must not know what that does with it."""

from config.settings import NotifySettings
from engine.notifier.body import body_of
from engine.notifier.outcome import Outcome, later, never, sent
from engine.notifier.programs import run
from engine.protocol.notifications import Notification


async def send(notification: Notification, settings: NotifySettings) -> Outcome:
    """Run it, with the JSON on its standard input. Which program it is and what it said is the admin's matter."""
    if not settings.command:
        return never("This engine has no command: an admin sets notify.command.")
    try:
        code = await run(settings.command, body_of(notification), settings.command_timeout_s)
    except OSError as error:
        return later(f"The command cannot be run: {error.strerror}.")
    if code is None:
        return later(f"The command did not end within {settings.command_timeout_s:g} s.")
    return sent("the command took it") if code == 0 else later(f"The command ended with {code}.")
