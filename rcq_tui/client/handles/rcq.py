"""An engine as plain code holds it: `AsyncRcq`, each step waited for. Must not know how an engine is talked to."""

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.people import Me
from engine.protocol.responses import Preview, Stats
from rcq_tui.client.handles.asyncrcq import AsyncRcq
from rcq_tui.client.handles.given import Command, Fields
from rcq_tui.client.handles.job import Job
from rcq_tui.client.handles.patience import PATIENCE_S
from rcq_tui.client.handles.portal import Portal
from rcq_tui.client.handles.sweep import Sweep


class Rcq:
    """One engine, connected when this is made; `with Rcq() as rcq` lets go of it at the end, and so does `close`.

    Every method that asks raises Refused or Unreachable. It may be used by several threads, and in a notebook.
    socket, token: else those that the command line would take; a personal engine is started on demand. Without a token
    one is known by one's Unix user, or has to `login`. patience_s: so long may the engine be away while one waits.
    """

    def __init__(
        self, socket: str | os.PathLike[str] | None = None, token: str | None = None, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._hold(AsyncRcq(socket, token, patience_s=patience_s))

    @classmethod
    def over(cls, rcq: AsyncRcq) -> Self:
        """Over one for `asyncio` that no event loop has used yet."""
        made = cls.__new__(cls)
        made._hold(rcq)
        return made

    def _hold(self, rcq: AsyncRcq) -> None:
        self._portal = Portal()
        self._rcq = rcq
        is_connected = False
        try:
            self._portal.run(rcq.connect())
            is_connected = True
        finally:
            if not is_connected:
                self._portal.close()

    def close(self) -> None:
        """Let go of the engine. What was submitted goes on; who still waits gets RuntimeError."""
        if self._portal.is_open:
            self._portal.run(self._rcq.close())
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def login(self, name: str, password: str) -> Me:
        """Log in, for this object alone: the command line's log-in stays what it is."""
        return self._portal.run(self._rcq.login(name, password))

    def me(self) -> Me:
        """Who one is to the engine."""
        return self._portal.run(self._rcq.me())

    def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        return self._portal.run(self._rcq.gpus())

    def nodes(self) -> list[NodeView]:
        """The machines of the cluster that runs jobs, by name; none where there is no cluster."""
        return self._portal.run(self._rcq.nodes())

    def stats(self) -> Stats:
        """The engine's own state: how many jobs in which state, cards, the last pass."""
        return self._portal.run(self._rcq.stats())

    def submit(self, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]) -> Job:
        """Submit one job. command: words, or one line that is split into them; script: text that bash runs.

        With a `job_id` an answer that was lost is asked for again, and the job is there once.
        """
        return Job(self._portal, self._portal.run(self._rcq.submit(command, script=script, **fields)))

    def submit_array(
        self, array: str, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]
    ) -> Sweep:
        """Submit one job for each index of `0-99%4`; the parameter `index` of each handle tells it."""
        return Sweep(self._portal, self._portal.run(self._rcq.submit_array(array, command, script=script, **fields)))

    def preview(
        self, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]
    ) -> Preview:
        """Whether and when such a job would start; nothing is submitted."""
        return self._portal.run(self._rcq.preview(command, script=script, **fields))

    def map(
        self,
        command: Command | None,
        parameters: Iterable[Mapping[str, Any]],
        *,
        script: str | None = None,
        key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Sweep:
        """A job for each set of parameters, which replace `{name}` in the command, args, environment, name and tags.

        They become tags, too. key: letters, digits and `._-`; the same set asked in the same way under one key is the
        same job, so that a call that is made again adds only what is missing. Raises Refused if no job is taken in;
        of some, `refusals` tells. Raises ValueError for a placeholder without its parameter.
        """
        asked = self._rcq.map(command, parameters, script=script, key=key, **fields)
        return Sweep(self._portal, self._portal.run(asked))

    def submit_many(self, jobs: Iterable[Mapping[str, Any]]) -> Sweep:
        """Submit jobs that each are fields as of `submit`, `command` and `script` included; their tags are parameters.

        The good ones are taken in, `refusals` tells of the others. Raises Refused if none is.
        """
        return Sweep(self._portal, self._portal.run(self._rcq.submit_many(jobs)))

    def job(self, number: int) -> Job:
        """The handle of a job by its id; nothing is asked yet. Raises TypeError for what is no integer."""
        return Job(self._portal, self._rcq.job(number))

    def jobs(self, search: str = "", *, limit: int = 100, mine: bool = True) -> Sweep:
        """Handles of the newest jobs that are found, as `rcq queue --search` finds them, ended ones included."""
        return Sweep(self._portal, self._portal.run(self._rcq.jobs(search, limit=limit, mine=mine)))

    def sweep(self, key: str) -> Sweep:
        """The jobs that `map` submitted under this key, by id; their parameters are texts here.

        Raises Refused where there is none.
        """
        return Sweep(self._portal, self._portal.run(self._rcq.sweep(key)))
