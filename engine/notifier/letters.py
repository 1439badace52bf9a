"""A notification as a mail message. Must not know how mail travels."""

import socket
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

from config.settings import NotifySettings
from engine.protocol.notifications import Notification
from rcq_tui.viewmodel.notifications import subject, text

MOST_SUBJECT = 200


def letter(notification: Notification, to: str, settings: NotifySettings) -> EmailMessage:
    """The message. Names of jobs are strangers' words: cleaned of line breaks, and the library refuses any in a header.

    Raises ValueError for an address that is none.
    """
    sender = settings.mail_from or f"rcq@{socket.getfqdn()}"
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    # what looks like an encoded word would be read as one, and might hold the line breaks that were cleaned away
    message["Subject"] = subject(notification)[:MOST_SUBJECT].replace("=?", "= ?")
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{notification.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(notification))
    return message


def may_go_to(address: str, settings: NotifySettings) -> bool:
    """Whether mail may go to that domain."""
    domain = address.rpartition("@")[2].lower()
    return not settings.mail_domains or domain in {allowed.lower() for allowed in settings.mail_domains}
