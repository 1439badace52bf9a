"""Who may do what, cell by cell through the API of a real engine; and that the table knows every route there is."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from engine.api.app import create_app
from engine.api.backend import Backend
from engine.daemon.access import TABLE
from tests.e2e.access.cast import SETTINGS, STANDINGS, Cast, gather
from tests.e2e.access.trials import TRIALS
from tests.e2e.test_foreign import ME, stranger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
__all__ = ["stranger"]  # a fixture
ADDED_BY_FASTAPI = {"GET /openapi.json"}


@pytest.fixture
def cast(launch: Callable[..., Any], driver: Any, stranger: Callable[[], int], until: Callable[..., Any]) -> Cast:
    """Two cards: a job of the owner's runs on the first, a process of the owner's Unix user is on the second."""
    settings = driver.settings()
    for group, lines in SETTINGS.items():
        settings = settings.replace(group, f"{group}\n{lines}")
    engine = launch(settings, environment=driver.environment)
    found = gather(engine, ME, stranger())
    found.job()  # the first one that there is
    running = found.owner.submit("sleep", "600", gpus=1, time_limit_s=600)
    found.owner.wait_for(running, "running")
    driver.processes(1, [(stranger(), 2_000)])
    until(lambda: found.admin.get("/v1/gpus")["items"][1]["processes"])
    return found


def test_every_cell_is_as_the_table_says(cast: Cast) -> None:
    wrong = []
    for (action, route), trial in TRIALS.items():
        for kind, standings in STANDINGS.items():
            expected = not TABLE[action].may.isdisjoint(standings)
            if trial(cast, kind) != expected:
                wrong.append(f"{kind} and {action.name} by {route}: {'refused' if expected else 'let through'}")
    assert not wrong, "\n".join(wrong)
    print(f"{len(TRIALS) * len(STANDINGS)} cells tried: {len(TRIALS)} ways, {len(STANDINGS)} kinds of people")


def test_everything_in_the_table_is_tried() -> None:
    assert {(action, route) for action, rule in TABLE.items() for route in rule.routes} == TRIALS.keys()


def test_every_route_is_in_the_table() -> None:
    app = create_app(Backend(**dict.fromkeys(Backend.__dataclass_fields__)))  # nobody answers here
    offered = {f"{method.upper()} {path}" for path, item in app.openapi()["paths"].items() for method in item}
    assert offered | ADDED_BY_FASTAPI == {route for rule in TABLE.values() for route in rule.routes}


def test_an_account_that_is_disabled_and_a_token_of_nobody_are_nobody(cast: Cast) -> None:
    cast.admin.ask("PATCH", "/v1/accounts/mate", json={"disabled": True})
    assert cast.people["mate"].refusal("GET", "/v1/me") == "UNAUTHENTICATED"
    cast.people["nobody"].http.headers["Authorization"] = "Bearer made-up"
    assert cast.people["nobody"].refusal("GET", "/v1/me") == "UNAUTHENTICATED"


def test_managers_are_nobody_special_unless_the_settings_let_there_be_any(engine: Any) -> None:
    cast = gather(engine, ME, os.getpid())
    job = cast.job()
    assert cast.people["manager"].refusal("GET", f"/v1/jobs/{job}") == "JOB_NOT_FOUND"
    assert cast.people["manager"].refusal("DELETE", f"/v1/jobs/{job}") == "JOB_NOT_FOUND"
    assert cast.people["manager"].get("/v1/jobs")["items"][0]["redacted"]


def test_what_a_manager_sees_and_changes_of_a_job(cast: Cast) -> None:
    manager, job = cast.people["manager"], cast.job()
    shown = manager.job(job)
    assert (shown["name"], shown["command"], shown["environment"]) == ("the-name", ["true"], {})
    assert shown["withheld"] == ["environment", "script", "files", "snapshot"]
    listed = manager.get("/v1/jobs", account="owner", state="pending")["items"]
    assert ({row["account"] for row in listed}, {row["id"] for row in listed}) == ({"owner"}, {1, job})
    assert cast.people["far-manager"].get("/v1/jobs", account="owner")["items"] == [], "nothing for that group"
    assert cast.people["far-manager"].refusal("GET", f"/v1/jobs/{job}") == "JOB_NOT_FOUND"
    assert cast.people["mate"].refusal("GET", "/v1/jobs", params={"account": "owner", "array": 1}) == "FORBIDDEN"
    for what in ({"command": ["id"]}, {"environment": {}}, {"workdir": "/"}, {"group": "bio"}, {"image": "x"}):
        assert manager.refusal("PATCH", f"/v1/jobs/{job}", json={"priority": 1, **what}) == "FORBIDDEN", what
