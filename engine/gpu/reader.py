"""The process that asks the NVIDIA driver, so that another can end it when a call never comes back: lines of JSON.

Requests on stdin: `{"do": "read", "now": …, "skip": [positions], "last": [positions], "known": [readings]}` (known: in
the first one) and `{"do": "limit", "gpu": uuid, "watts": …}`. Answers on stdout: `{"ask": position}` before each card
(`null`: the driver as a whole), `{"at": position, "cards": [readings]}` behind it, and at the end of each request
`{"done": true}` with `gone` (a sentence and NVML's code) while there is no driver, or `error`. It ends with its parent.
Must not know what a reading is for.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from engine.core.model import GpuUuid
from engine.gpu.lifeline import ends_with
from engine.gpu.nvml import NvmlGpus
from engine.gpu.unavailable import DriverUnavailable, unavailable
from engine.gpu.wire import all_packed, unpacked
from engine.protocol.errors import RcqError
from engine.readings import GpuReading


class _ToldClock:
    """The time of the one who asks: the age of a reading is told by his clock."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return self.at


class Reader:
    """Answers requests. out: the file descriptor to answer on."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._held: list[str] = []
        self._clock = _ToldClock()
        self._gpus: NvmlGpus | None = None

    def answer(self, request: Mapping[str, Any]) -> None:
        """One request, whatever becomes of it."""
        if self._gpus is None:
            self._gpus = NvmlGpus(self._clock, [unpacked(values) for values in request.get("known", ())])
        try:
            if request["do"] == "read":
                self._read(self._gpus, request)
            else:
                self._gpus.set_limit(GpuUuid(request["gpu"]), request["watts"], asking=self._asking)
                self._say(done=True)
        except RcqError as error:
            self._say(done=True, error=str(error), unavailable=isinstance(error, DriverUnavailable))
        self._flush()

    def _read(self, gpus: NvmlGpus, request: Mapping[str, Any]) -> None:
        self._clock.at = request["now"]
        gpus.go_through(self._tell, asking=self._asking, skip=request["skip"], last=request["last"])
        gone = None if gpus.gone is None else (str(unavailable(gpus.gone)), int(gpus.gone.value))
        self._say(done=True, gone=gone)

    def _asking(self, position: int | None) -> None:
        """Before a call that may be the last one: what is known must be out."""
        self._say(ask=position)
        self._flush()

    def _tell(self, position: int | None, readings: tuple[GpuReading, ...]) -> None:
        self._say(at=position, cards=all_packed(readings))

    def _say(self, **words: Any) -> None:
        self._held.append(json.dumps(words, separators=(",", ":")))

    def _flush(self) -> None:
        text = "".join(f"{line}\n" for line in self._held).encode()
        self._held.clear()
        while text:
            text = text[os.write(self._out, text) :]


def main(parent: int) -> int:
    """Answer until nobody asks any more. parent: the pid of who asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the engine, which then closes its end
    if not ends_with(parent):
        return 0
    out = os.dup(1)
    os.dup2(2, 1)  # a library that prints must not break the answers
    reader = Reader(out)
    for line in iter(sys.stdin.buffer.readline, b""):
        try:
            reader.answer(json.loads(line))
        except BrokenPipeError:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
