"""Calls a webhook: signed JSON by POST, to a host that the settings list, at an address that may be called.

The name is looked up once and the call goes to the address that was judged, so that a name server cannot send it
elsewhere in between. No redirect is followed and no answer is read. Must not know what is told.
"""

import asyncio
import socket
import ssl
import time

import httpx

from config.settings import NotifySettings
from engine.notifier.body import body_of
from engine.notifier.outcome import Outcome, later, never, sent
from engine.protocol.notifications import Notification
from engine.protocol.webhooks import DELIVERY, SIGNATURE, TIMESTAMP, Target, may_connect, signature, target_of

PATIENCE_S = 10.0
"""Of each step: the look-up, the connection, the answer's head."""
NOT_FOR_GOOD = frozenset({408, 409, 425, 429})
"""Refusals after which a later try may go well."""


async def send(notification: Notification, url: str, secret: str, settings: NotifySettings) -> Outcome:
    """Call it once."""
    try:
        target = target_of(url, settings.webhook_hosts)
    except ValueError as error:
        return never(f"The webhook {error}.")
    try:
        async with asyncio.timeout(PATIENCE_S):
            addresses = await _addresses(target)
    except (OSError, TimeoutError):
        return later(f"{target.host} has no address now.")
    allowed = [address for address in addresses if may_connect(address, settings.webhook_hosts)]
    if not allowed:
        return never(f"{target.host} is at an address that is not public; an admin lists it in notify.webhook_hosts.")
    try:
        async with asyncio.timeout(3 * PATIENCE_S):
            status = await _call(target, allowed[0], body_of(notification), secret, notification.id)
    except TimeoutError:
        return later(f"{target.host} did not answer in time.")
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        return later(f"{target.host} could not be called: {error}")
    return _judged(target, status)


def _judged(target: Target, status: int) -> Outcome:
    if 200 <= status < 300:
        return sent(f"{target.host} answered {status}")
    if 300 <= status < 400:
        return never(f"{target.host} answered {status}; redirects are not followed, give the last address.")
    temporary = status >= 500 or status in NOT_FOR_GOOD
    return (later if temporary else never)(f"{target.host} answered {status}.")


async def _addresses(target: Target) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


async def _call(target: Target, address: str, body: bytes, secret: str, delivery: str) -> int:
    """The status. The certificate has to be that of the name, whichever address it is called at."""
    timestamp = str(int(time.time()))
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "rcq",
        TIMESTAMP: timestamp,
        SIGNATURE: signature(secret, timestamp, body),
        DELIVERY: delivery,
    }
    place = f"[{address}]" if ":" in address else address
    # trust_env: a proxy of the environment's would look the name up anew
    client = httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False, timeout=PATIENCE_S)
    url = f"{target.scheme}://{place}:{target.port}{target.path}"
    async with (
        client,
        client.stream("POST", url, content=body, headers=headers, extensions={"sni_hostname": target.host}) as answer,
    ):
        return answer.status_code
