"""systemd over D-Bus: units begun, ended, frozen and watched. It supervises the jobs; nothing of them is kept here.

Must not know who asks, nor whom a unit may run as.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from engine.launcher.request import NotNow, Refused

NAME, BUS, ROOT = "org.freedesktop.systemd1", "org.freedesktop.DBus", "/org/freedesktop/systemd1"
RULE = f"type='signal',sender='{NAME}',path_namespace='{ROOT}'"
JOB_UNIT = re.compile(r"rcq-job-[0-9]+\.(service|scope)")
OUR_UNIT = re.compile(r"rcq-(job|task)-[0-9]+\.(service|scope)")
PATIENCE_S = 60.0
LOOKS, LOOK_S = 200, 0.01
MOST_ENDS = 10_000
AT_ONCE = 32  # the bus refuses who waits for too many answers
TOLD = (
    "Description", "ActiveState", "SubState", "FreezerState", "ControlGroup", "Result", "ExecMainPID", "ExecMainCode",
    "ExecMainStatus", "ExecMainStartTimestamp", "ExecMainExitTimestampMonotonic", "ActiveEnterTimestamp",
    "ExecMainStartTimestampMonotonic", "LoadState",
    "ActiveEnterTimestampMonotonic", "InactiveEnterTimestampMonotonic", "RuntimeMaxUSec",
)  # fmt: skip
"""Properties of a unit that are reported, by systemd's own names."""
DEEDS: dict[str, tuple[str, str, tuple[object, ...]]] = {
    "stop": ("StopUnit", "ss", ("replace",)),  # SIGTERM, then SIGKILL after the unit's own grace
    "kill": ("KillUnit", "ssi", ("all", 9)),
    "freeze": ("FreezeUnit", "s", ()),
    "thaw": ("ThawUnit", "s", ()),
}
State = dict[str, Any]


class Systemd:
    """The units of jobs. tell: hears of a unit whenever something of it changed, `ActiveState` `gone` at its end."""

    def __init__(self, tell: Callable[[State], None]) -> None:
        self._tell = tell
        self._ends: dict[str, asyncio.Event] = {}
        self._changed: asyncio.Queue[str] = asyncio.Queue()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._bus: MessageBus

    async def connect(self) -> MessageBus:
        """To the system bus, with its signals on."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        self._bus.add_message_handler(self._heard)
        await self.call("AddMatch", "s", [RULE], to=BUS, path="/", interface=BUS)
        await self.call("Subscribe")
        # What the launcher before this one held on to; else a unit that is stopped takes its result along.
        again = [self.call("RefUnit", "s", [one["unit"]]) for one in await self.all()]
        await asyncio.gather(*again, return_exceptions=True)  # some of them have just gone
        return self._bus

    async def begin(self, unit: str, properties: dict[str, Variant], descriptors: Sequence[int]) -> State:
        """Make a unit, wait until it runs or has failed; its state. Raises NotNow, Refused where there is one."""
        body = [unit, "fail", [[name, value] for name, value in properties.items()], []]
        try:
            await self._through(await self.call("StartTransientUnit", "ssa(sv)a(sa(sv))", body, descriptors))
        except Refused:
            if (await self.state(unit)).get("LoadState") != "not-found":
                raise
            await self.forget(unit)  # half made; it would look for ever as if it were about to start
            raise NotNow("systemd cannot note a unit down; is there room in /run?") from None
        state = await self.state(unit)
        if state["ActiveState"] == "inactive" and not state["InactiveEnterTimestampMonotonic"]:
            await self.forget(unit)
            raise Refused("systemd did not begin it; see the journal")
        return state

    async def forget(self, unit: str) -> None:
        """Let systemd drop a unit that has ended."""
        for member, words in (("UnrefUnit", ()), ("StopUnit", ("replace",)), ("ResetFailedUnit", ())):
            try:
                reply = await self.call(member, "s" * (1 + len(words)), [unit, *words])
            except Refused:  # there is no reference, it is not loaded any more, it has not failed: as is wanted
                continue
            await self._through(reply)
        with contextlib.suppress(Refused):  # now there is none of that name; until then no other can have it
            for _ in range(LOOKS):
                await self.call("GetUnit", "s", [unit])
                await asyncio.sleep(LOOK_S)

    async def all(self) -> list[State]:
        """Every job's unit that systemd has."""
        [listed] = await self.call("ListUnitsByPatterns", "asas", [[], ["rcq-job-*"]])
        return [await self.state(row[0]) for row in listed if JOB_UNIT.fullmatch(row[0])]

    async def state(self, unit: str) -> State:
        """What there is to report of a unit."""
        try:
            [path] = await self.call("GetUnit", "s", [unit])
        except Refused:
            return {"unit": unit, "ActiveState": "gone"}
        [found] = await self.call("GetAll", "s", [""], path=path, interface=f"{BUS}.Properties")
        return {"unit": unit, **{name: found[name].value for name in TOLD if name in found}}

    async def _through(self, reply: list[Any]) -> None:
        """Wait until systemd's own job, which the reply names, has been done."""
        if reply:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ends.setdefault(reply[0], asyncio.Event()).wait(), PATIENCE_S)
            self._ends.pop(reply[0], None)

    def _heard(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "JobRemoved" and OUR_UNIT.fullmatch(message.body[2]):
            self._ends.setdefault(message.body[1], asyncio.Event()).set()
            while len(self._ends) > MOST_ENDS:  # for those that nobody waits
                del self._ends[next(iter(self._ends))]
        elif message.member == "UnitRemoved" and JOB_UNIT.fullmatch(message.body[0]):
            self._changed.put_nowait(message.body[0])  # looked at, too: there may be another of that name by now
        elif message.member == "PropertiesChanged" and message.body[0] == f"{NAME}.Unit":
            unit = re.sub(r"_([0-9a-f]{2})", lambda two: chr(int(two[1], 16)), str(message.path).rpartition("/")[2])
            if JOB_UNIT.fullmatch(unit):
                self._changed.put_nowait(unit)

    async def look(self) -> None:
        """Tell of changes for ever, one after the other: several of one unit that wait are told once."""
        while True:
            units = {await self._changed.get()}
            while not self._changed.empty():
                units.add(self._changed.get_nowait())
            for unit in units:
                self._tell(await self.state(unit))

    async def call(
        self, member: str, signature: str = "", body: Sequence[object] = (), descriptors: Sequence[int] = (), *,
        to: str = NAME, path: str = ROOT, interface: str = f"{NAME}.Manager",
    ) -> list[Any]:  # fmt: skip
        """A call over the bus, of systemd's manager unless told; the answer. Raises Refused."""
        message = Message(
            destination=to, path=path, interface=interface, member=member, signature=signature, body=list(body),
            unix_fds=list(descriptors),
        )  # fmt: skip
        async with self._turns:
            reply = await self._bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR:
            raise Refused(str(reply.body[0]) if reply and reply.body else f"systemd refused {member}")
        return list(reply.body)
