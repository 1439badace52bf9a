"""An engine that dies at any of its steps: each job that it took ran once for each attempt and ended as it should."""

import contextlib
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.faulty import PLACES

pytestmark = pytest.mark.e2e

AT_WORK = ("add", "record", "commit", "launch", "start", "end", "free", "forget")
AT_START, AT_ONCE = ("adopt", "take-up"), ("load", "sweep")
EVERY_DAY = frozenset({"add-after", "commit-after", "start-after", "end-before", "free-after", "adopt-after"})
"""The points where most has happened that nobody knows of yet; the others take their time."""
QUICK = 8
PROGRAM = "tests.e2e.faulty"


def points(places: tuple[str, ...], numbers: tuple[int, ...] = (1,)) -> list[Any]:
    """Each point with each number."""
    found = [(f"{place}-{when}", number) for place in places for when in ("before", "after") for number in numbers]
    slow = pytest.mark.slow
    return [pytest.param(*one, marks=() if one[0] in EVERY_DAY and one[1] == 1 else slow) for one in found]


def test_every_place_is_tried() -> None:
    assert {*AT_WORK, *AT_START, *AT_ONCE, "migrate", "flush"} == set(PLACES)


class Work:
    """Jobs that leave a line for each attempt, and what is to become of each."""

    def __init__(self, root: Path) -> None:
        self.ran = root / "ran"
        say = f"echo $RCQ_JOB_NAME.$RCQ_ATTEMPT >> {self.ran}"
        self.jobs: dict[str, dict[str, Any]] = {
            f"quick{n}": {"script": f"{say}; exit {n}", "gpus": n % 2} for n in range(QUICK)
        }
        self.jobs["again"] = {"script": f"{say}; [ $RCQ_ATTEMPT = 2 ]", "retries": 1, "gpus": 2}
        self.exit_codes = {name: int(name.removeprefix("quick")) for name in self.jobs if name != "again"}
        self.exit_codes["again"] = 0
        self.attempts = Counter({f"{name}.1": 1 for name in self.jobs} | {"again.2": 1})

    def hand_in(self, person: Any, engine: Any) -> dict[str, int]:
        """Each until it is acknowledged, as a careful program does; after an engine that died comes a sound one."""
        ids: dict[str, int] = {}
        for name, fields in self.jobs.items():
            while name not in ids:
                try:
                    answer = person.ask("POST", "/v1/jobs", json={"name": name, "job_id": name, **fields})
                except httpx.TransportError:
                    back(engine)
                    continue
                if answer.status_code == 409:
                    assert answer.json()["error"]["code"] == "DUPLICATE_JOB", answer.text
                    ids[name] = next(
                        row["id"]
                        for row in person.get("/v1/jobs", state=STATES, limit=100)["items"]
                        if row["name"] == name
                    )
                else:
                    assert answer.status_code < 300, answer.text
                    ids[name] = answer.json()["id"]
        return ids

    def check(self, person: Any, ids: dict[str, int]) -> None:
        """All of them ended right, each attempt ran once, and nobody holds anything."""
        for name, number in ids.items():
            ended = person.ended(number)
            assert (ended["cause"], ended["exit_code"]) == ("exit", self.exit_codes[name]), (name, ended)
            assert ended["attempt"] == (2 if name == "again" else 1), name
        assert Counter(self.ran.read_text().split()) == self.attempts
        stats = person.get("/v1/stats")
        assert (stats["gpus_busy"], stats["cpu_cores_busy"], stats["memory_mb_busy"]) == (0, 0, 0)
        assert stats["jobs"]["running"] == stats["jobs"]["scheduled"] == stats["jobs"]["pending"] == 0
        assert not [job for card in person.get("/v1/gpus")["items"] for job in card["jobs"]]


STATES = "held,pending,scheduled,running,completed,failed,cancelled,preempted"


def back(engine: Any) -> None:
    """A sound engine after one that killed itself."""
    assert engine.process.wait(20) == -signal.SIGKILL, (engine.root / "engine.log").read_text()
    engine.program = ("engine.daemon",)
    engine.start()


@pytest.mark.parametrize(("point", "number"), points(AT_WORK, (1, 4)))
def test_it_dies_at_work(launch: Callable[..., Any], tmp_path: Path, point: str, number: int) -> None:
    armed = tmp_path / "armed"
    engine = launch(program=(PROGRAM, point, str(number), str(armed)))
    admin = engine.admin()
    work = Work(tmp_path)
    armed.touch()
    ids = work.hand_in(admin, engine)
    if engine.program != ("engine.daemon",):
        back(engine)
    work.check(admin, ids)


@pytest.mark.parametrize(("point", "number"), [*points(AT_ONCE), *points(AT_START)])
def test_it_dies_while_it_takes_up_what_another_left(
    launch: Callable[..., Any], tmp_path: Path, until: Callable[..., Any], point: str, number: int
) -> None:
    engine = launch()
    admin = engine.admin()
    work = Work(tmp_path)
    go = tmp_path / "go"
    for fields in work.jobs.values():
        fields["script"] = f"while [ ! -e {go} ]; do sleep 0.02; done; {fields['script']}"
    ids = work.hand_in(admin, engine)
    until(lambda: admin.get("/v1/stats")["jobs"]["running"] >= 4)
    engine.end(signal.SIGKILL)
    go.touch()  # some end before the next engine looks, some after
    engine.program = (PROGRAM, point, str(number), str(tmp_path))
    with contextlib.suppress(AssertionError):  # it ends before it answers
        engine.start()
    back(engine)
    work.check(admin, ids)


@pytest.mark.parametrize(("point", "number"), points(("migrate",)))
def test_it_dies_while_it_makes_its_database(
    launch: Callable[..., Any], tmp_path: Path, point: str, number: int
) -> None:
    with pytest.raises(AssertionError):
        launch(program=(PROGRAM, point, str(number), str(tmp_path)))
    engine = launch()
    (tmp_path / "e1" / "state").rename(tmp_path / "unused")
    engine.end(signal.SIGKILL)
    (tmp_path / "e0" / "state").rename(engine.state)
    engine.start()
    work = Work(tmp_path)
    admin = engine.admin()
    work.check(admin, work.hand_in(admin, engine))


@pytest.mark.parametrize(("point", "number"), points(("flush",)))
def test_it_dies_while_it_stops(launch: Callable[..., Any], tmp_path: Path, point: str, number: int) -> None:
    engine = launch(program=(PROGRAM, point, str(number), str(tmp_path)))
    admin = engine.admin()
    work = Work(tmp_path)
    ids = work.hand_in(admin, engine)
    engine.process.send_signal(signal.SIGTERM)
    back(engine)
    work.check(admin, ids)
