"""Sends mail: through a local sendmail program, or to an SMTP server.

Blocking calls run in threads, each with a time limit of its own. Must not know what a message says.
"""

import asyncio
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage

from config.settings import NotifySettings
from engine.notifier.letters import letter, may_go_to
from engine.notifier.outcome import Outcome, later, never, sent
from engine.notifier.programs import run
from engine.protocol.notifications import Notification

PATIENCE_S = 15.0
"""Of each step of the talk with a server."""
SENDMAIL_S = 30.0
NO_SUCH_USER, NO_SUCH_HOST, BAD_DATA = 67, 68, 65
"""Exit codes of sendmail (sysexits.h) that no later try will change."""


async def send(notification: Notification, to: str, settings: NotifySettings) -> Outcome:
    """Hand one message over."""
    if settings.mail == "off":
        return never("This engine sends no mail: an admin sets notify.mail.")
    if not may_go_to(to, settings):
        return never(f"Mail goes to {', '.join(settings.mail_domains)} alone (notify.mail_domains).")
    try:
        message = letter(notification, to, settings)
        # asked here, as it is refused where the message is written out
        written = message.as_bytes()
    except ValueError as error:
        return never(f"The mail cannot be written: {error}.")
    if settings.mail == "sendmail":
        return await _sendmail(written, to, settings)
    return await asyncio.to_thread(_smtp, message, to, settings)


async def _sendmail(written: bytes, to: str, settings: NotifySettings) -> Outcome:
    # -i: a line with a single dot does not end it. --: an address is never an option.
    unix = written.replace(b"\r\n", b"\n")
    try:
        code = await run([settings.sendmail, "-i", "--", to], unix, SENDMAIL_S)
    except OSError as error:
        return later(f"{settings.sendmail} cannot be run: {error.strerror}.")
    if code == 0:
        return sent(f"{settings.sendmail} took it")
    told = "did not end in time" if code is None else f"ended with {code}"
    permanent = code in {NO_SUCH_USER, NO_SUCH_HOST, BAD_DATA}
    return (never if permanent else later)(f"{settings.sendmail} {told}.")


def _smtp(message: EmailMessage, to: str, settings: NotifySettings) -> Outcome:
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        line = _connected(settings)
        try:
            line.send_message(message, to_addrs=[to])
        finally:
            _leave(line)
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        return (never if code >= 500 else later)(f"{server} refused {to}: {code} {_told(words)}")
    except smtplib.SMTPAuthenticationError as error:
        return later(f"{server} refused the log-in of notify.smtp_user: {error.smtp_code}.")
    except smtplib.SMTPResponseException as error:
        return (never if error.smtp_code >= 500 else later)(f"{server}: {error.smtp_code} {_told(error.smtp_error)}")
    except (smtplib.SMTPException, OSError) as error:
        return later(f"{server} did not take it: {error}")
    return sent(f"{server} took it")


def _connected(settings: NotifySettings) -> smtplib.SMTP:
    """Logged in, encrypted as told. Raises OSError, SMTPException."""
    host, port = settings.smtp_host, settings.smtp_port
    secure = ssl.create_default_context()
    if settings.smtp_security == "tls":
        line: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE_S, context=secure)
    else:
        line = smtplib.SMTP(host, port, timeout=PATIENCE_S)
    try:
        if settings.smtp_security == "starttls":
            line.starttls(context=secure)
        if settings.smtp_user is not None and settings.smtp_password_file is not None:
            line.login(settings.smtp_user, settings.smtp_password_file.read_text(encoding="utf-8").strip())
    except (OSError, smtplib.SMTPException):
        line.close()
        raise
    return line


def _leave(line: smtplib.SMTP) -> None:
    """Whatever the server says to that: what it took it has, and must not get again."""
    with suppress(OSError, smtplib.SMTPException):
        line.quit()
    line.close()


def _told(words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:200]
