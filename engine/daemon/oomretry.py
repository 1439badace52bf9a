"""What a job that ran out of GPU memory is tried again with: more of it, by `gpu.oom_retry`.

The new request is judged like an edit and written with the attempt's end, so that everybody sees it. It is made only
where it gives the job more than it had. Must not know how an end is recognised, written down or queued.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.settings import GpuSettings
from engine.api.asks import Identity
from engine.bookkeeping import Moved, NewJob
from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, Shape, model_matches
from engine.core.snapshot import CLUSTER
from engine.daemon.aftermath import MOST_MESSAGE, Aftermath
from engine.daemon.books import Books, Live
from engine.daemon.intake import Intake
from engine.daemon.measures import Measures
from engine.protocol.errors import Refused
from engine.protocol.fields import runs_once

FACTOR = 1.5
"""So many times what it had is asked for."""
ROUND_MB = 256
ENGINE = Identity(account="", group="", role="user", via="engine")
"""Who asks; the job stays its owner's."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Growth:
    """What to ask for: MiB on each card, which are shared or not."""

    memory_mb: int
    share: bool


class OomRetry:
    """Decides about attempts that ran out of GPU memory."""

    def __init__(self, *, books: Books, measures: Measures, intake: Intake, settings: GpuSettings) -> None:
        self._books = books
        self._measures = measures
        self._intake = intake
        self._policy = settings.oom_retry
        self._most = settings.oom_retries

    def after(self, live: Live, found: Aftermath) -> Aftermath:
        """The same aftermath, or that of one more attempt with more memory, or one that says why there is none.

        An adopted process has one attempt: nobody knows how it was started.
        """
        ended, fields = found.ended, live.fields
        if ended.cause is not Cause.GPU_OUT_OF_MEMORY or ended.state is not JobState.FAILED or fields is None:
            return found
        if (
            runs_once(fields)
            or self._policy == "off"
            or live.oom_retries >= self._most
            or live.cancelled
            or not live.lease.gpus
        ):
            return found
        grown = self._growth(live)
        if isinstance(grown, str):
            return replace(found, ended=replace(ended, message=_joined(ended.message, grown)))
        asked = replace(fields, gpu_memory_mb=grown.memory_mb, gpu_share=grown.share)
        before = live.lease.key
        key = self._intake.rejudge(ENGINE, asked, before)
        if isinstance(key, Refused):
            told = f"no attempt with {_words(grown, before.shape)}: {key.message}"
            return replace(found, ended=replace(ended, message=_joined(ended.message, told)))
        told = f"attempt {live.attempt} ran out of GPU memory"
        why = (ended.message or "").removeprefix("it ran out of GPU memory: ")
        told += f" ({why})" if why else ""
        told += f"; attempt {live.attempt + 1} asks for {_words(grown, before.shape)}"
        again = Moved(job=live.job, state=JobState.PENDING, message=told, oom_retries=live.oom_retries + 1)
        new = NewJob(fields=asked, key=replace(key, array=before.array), submitted_at=live.submitted_at)
        return Aftermath(ended=ended, again=again, rewritten=new)

    def _growth(self, live: Live) -> Growth | str:
        """What to ask for next, or why that would be of no use."""
        shape = live.lease.key.shape
        measured = self._measures.of(live.job, live.attempt)
        peak_mb = max(shape.gpu_memory_mb, (measured.peak_memory_mb if measured else None) or 0)
        sizes = self._sizes(live.lease.gpus)
        had_mb = peak_mb if shape.share else min(sizes, default=peak_mb)
        largest_mb = self._largest(shape, live.lease.place)
        need_mb = _rounded(FACTOR * peak_mb)
        if shape.share and self._policy == "larger" and need_mb <= largest_mb:
            return Growth(memory_mb=need_mb, share=True)
        if largest_mb <= had_mb:
            return f"it had {self._what(live, had_mb)}, and no GPU here that matches has more"
        if not shape.share and self._policy == "alone":
            return f"it had {self._what(live, had_mb)} to itself already"
        return Growth(memory_mb=min(max(need_mb, had_mb + 1), largest_mb), share=False)

    def _sizes(self, uuids: Sequence[GpuUuid]) -> list[int]:
        cards = (self._books.cards.get(uuid) for uuid in uuids)
        return [card.reading.memory_mb for card in cards if card is not None and card.reading.memory_mb]

    def _largest(self, shape: Shape, place: str) -> int:
        """MiB that each of its cards can have at most: of the matching cards as many as it needs have that."""
        sizes = sorted(
            (
                card.reading.memory_mb
                for card in self._books.cards.all()
                if (card.reading.node is not None) is (place == CLUSTER)
                and (shape.gpu_type is None or model_matches(card.reading.model, shape.gpu_type))
            ),
            reverse=True,
        )
        return sizes[shape.gpus - 1] if 0 < shape.gpus <= len(sizes) else 0

    def _what(self, live: Live, had_mb: int) -> str:
        indices = self._books.cards.indices(live.lease.gpus)
        whose = f"GPU {indices[0]}" if len(indices) == 1 else f"each of GPUs {', '.join(map(str, indices))}"
        return f"{'' if live.lease.key.shape.share else 'all '}{_gib(had_mb)} of {whose}"


def _rounded(memory_mb: float) -> int:
    return -int(-memory_mb // ROUND_MB) * ROUND_MB


def _gib(memory_mb: int) -> str:
    return f"{memory_mb / 1024:.4g} GiB"


def _words(grown: Growth, shape: Shape) -> str:
    cards = "a GPU" if shape.gpus == 1 else f"{shape.gpus} GPUs"
    if not grown.share and shape.share:
        return f"{cards} of its own with {_gib(grown.memory_mb)}" + ("" if shape.gpus == 1 else " each")
    return _gib(grown.memory_mb) + ("" if shape.gpus == 1 else " on each GPU")


def _joined(first: str | None, then: str) -> str:
    """Both within what is kept of a message: what is new matters most."""
    room = MOST_MESSAGE - len(then) - 2
    return f"{first[: max(0, room)]}; {then}" if first else then
