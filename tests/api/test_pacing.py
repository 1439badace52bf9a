"""Lines that come too fast are held back and go in later, in whole or as far as somebody still waits."""

import asyncio
import json
from collections.abc import Sequence

from engine.api.asks import Identity
from engine.api.pacing import STEP_S, paced, until_gone
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from tests.api.scripted import Api, Books


def too_fast(wait_s: float = 2.0, limit: int = 60) -> Refused:
    return Refused("RATE_LIMITED", "slower", [{"limit": limit}], retry_after_s=wait_s)


class Limited:
    """Takes `room` jobs, then refuses; `refill` more after each wait."""

    def __init__(self, room: int, refill: int) -> None:
        self.room, self.refill = room, refill
        self.taken: list[str | None] = []
        self.waits: list[tuple[int, float]] = []
        self.patience = 100

    async def submit(self, jobs: Sequence[JobFields]) -> list[int | Refused | None]:
        answers: list[int | Refused | None] = []
        for job in jobs:
            if job.name == "bad":
                answers.append(Refused("IMPOSSIBLE_REQUEST", "no"))
            elif self.room:
                self.room -= 1
                self.taken.append(job.name)
                answers.append(len(self.taken))
            else:
                answers.append(too_fast())
        return answers

    async def waiting(self, lines: int, seconds: float) -> bool:
        self.waits.append((lines, seconds))
        self.room += self.refill
        self.patience -= 1
        return self.patience >= 0


def jobs(*names: str) -> list[JobFields]:
    return [JobFields(name=name, command=["true"]) for name in names]


def test_what_is_too_fast_goes_in_later_and_nothing_twice() -> None:
    limited = Limited(room=1, refill=2)
    outcomes = asyncio.run(paced(limited.submit, jobs("a", "b", "bad", "c", "d"), limited.waiting))
    assert limited.taken == ["a", "b", "c", "d"]
    assert [one if isinstance(one, int) else one and one.code for one in outcomes] == [
        1, 2, "IMPOSSIBLE_REQUEST", 3, 4,
    ]  # fmt: skip
    assert limited.waits == [(3, 2.0 + 2), (1, 2.0)]  # the wait of the first, then one second for each at 60 a minute


def test_a_long_wait_is_told_in_steps() -> None:
    limited = Limited(room=0, refill=50)
    asyncio.run(paced(limited.submit, jobs(*["x"] * 100), limited.waiting))
    assert limited.waits == [(100, STEP_S), (50, STEP_S)]


def test_who_has_left_gets_no_more_in() -> None:
    limited = Limited(room=1, refill=0)
    limited.patience = 1
    outcomes = asyncio.run(paced(limited.submit, jobs("a", "b"), limited.waiting))
    assert (limited.taken, isinstance(outcomes[1], Refused)) == (["a"], True)


def test_an_engine_that_fails_meanwhile_costs_nothing_that_went_in() -> None:
    limited = Limited(room=1, refill=0)
    tries = 0

    async def submit(some: list[JobFields]) -> Sequence[int | Refused | None]:
        nonlocal tries
        tries += 1
        if tries > 1:
            raise Refused("SERVICE_NOT_READY", "disk")
        return await limited.submit(some)

    outcomes = asyncio.run(paced(submit, jobs("a", "b"), limited.waiting))
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].code == "SERVICE_NOT_READY"


def test_the_wait_ends_when_the_client_leaves() -> None:
    async def main() -> list[bool]:
        gone = asyncio.Event()
        first = await until_gone(gone, 0.001)
        asyncio.get_running_loop().call_soon(gone.set)
        return [first, await until_gone(gone, 1000)]

    assert asyncio.run(main()) == [True, False]


class SlowBooks(Books):
    """Refuses as too fast once, then takes all."""

    async def submit(self, who: Identity, jobs: Sequence[JobFields], *, many: bool = False) -> list[int | Refused]:
        if not self.batches:
            self.batches.append(0)
            return [too_fast(0.01, 60_000) for _ in jobs]
        return await super().submit(who, jobs, many=many)


def test_ingest_waits_if_it_is_asked_to_and_says_so(api: Api) -> None:
    for query, accepted in (("?wait=1", 3), ("", 0)):
        books = SlowBooks()
        api.reset(jobs=books)
        answer = api.ask("POST", f"/v1/ingest{query}", content=b'{"command": ["true"]}\n' * 3)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        report = lines[-1].get("report", lines[-1])
        assert (report["accepted"], len(books.jobs)) == (accepted, accepted)
        assert [line["waiting"]["lines"] for line in lines if "waiting" in line] == ([3] if accepted else [])
    assert {(one["code"], one["line"]) for one in report["errors"]} == {("RATE_LIMITED", line) for line in (1, 2, 3)}
