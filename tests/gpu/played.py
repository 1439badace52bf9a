"""The library's side of a scripted driver: a `FakeNvml` that follows a file while a process uses it.

The file is replaced as a whole; what changed in it since it was last looked at is taken over. What the process does to
the cards (power limits, events that it was told) outlives it in a second file beside the first.
"""

import json
from pathlib import Path
from typing import Any

import pynvml

from tests.gpu.fake_card import FakeCard, FakeInstance
from tests.gpu.fake_nvml import FakeNvml

LISTS = ("processes", "graphics", "mps", "nvlinks", "remapped")
"""What JSON turns into lists that are tuples, or lists of tuples, in a card."""


def play(script: Path) -> FakeNvml:
    """Let the bindings of this process find the library that `script` describes."""
    library = Played(script)
    pynvml.CDLL = lambda name: library
    return library


class Played(FakeNvml):
    """Looks at its script before each call."""

    def __init__(self, script: Path) -> None:
        super().__init__([])
        self._script = script
        self._kept = script.with_suffix(".kept")
        self._seen: tuple[int, int] | None = None
        self._by_uuid: dict[str, FakeCard] = {}
        self._was: dict[str, dict[str, Any]] = {}
        self._generation: int | None = None
        self._told = 0
        self.before = self._look
        self.stuck = script.with_suffix(".hung").touch
        self.limited = lambda card: self._keep()

    def _look(self) -> None:
        stat = self._script.stat()
        if (stat.st_ino, stat.st_mtime_ns) == self._seen:
            return
        self._seen = (stat.st_ino, stat.st_mtime_ns)
        script = json.loads(self._script.read_text())
        kept = json.loads(self._kept.read_text()) if self._kept.exists() else {"limits": {}, "told": 0}
        first, self._told = self._generation is None, max(self._told, kept["told"])
        if not first and script["generation"] != self._generation:
            self.reload()
        self._generation = script["generation"]
        self.fail, self.hang, self.crash = script["fail"], set(script["hang"]), set(script["crash"])
        self.missing = set(script["missing"])
        self.near = {frozenset(pair): level for *pair, level in script["near"]}
        cards = [(self._card(values), values["lost"]) for values in script["cards"]]
        self.cards = [card for card, lost in cards if not lost]
        if first:
            for uuid, milliwatts in kept["limits"].items():
                self._by_uuid[uuid].limit_milliwatts = milliwatts
        for serial, uuid, code, instance in script["xids"]:
            if serial > self._told:
                self.xids.append((self._by_uuid[uuid], code, instance))
                self._told = serial
                self._keep()

    def _card(self, values: dict[str, Any]) -> FakeCard:
        """The card with these values; of one that is there already only what the script changed."""
        card = self._by_uuid.setdefault(values["uuid"], FakeCard(uuid=values["uuid"]))
        was = self._was.get(card.uuid, {})
        for name, value in values.items():
            if name == "lost" or (name in was and was[name] == value):
                continue
            if name == "mig" and value is not None:
                setattr(card, name, [FakeInstance(**{**one, "name": one["name"].encode()}) for one in value])
            elif name == "name":
                card.name = value.encode()
            elif name in ("hang", "crash"):
                setattr(card, name, set(value))
            else:
                setattr(card, name, tuple(map(_frozen, value)) if name in LISTS and value is not None else value)
        self._was[card.uuid] = values
        return card

    def _keep(self) -> None:
        limits = {uuid: card.limit_milliwatts for uuid, card in self._by_uuid.items()}
        part = self._kept.with_suffix(".part")
        part.write_text(json.dumps({"limits": limits, "told": self._told}))
        part.replace(self._kept)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
