"""Power from the outermost interface: a cap is set, seen and put back, over a killed engine too; a budget is kept."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import SETTINGS

BUDGET = SETTINGS + "[power]\nbudget_w = 400.0\n"
UNTIL_TOLD = "while [ ! -e go ]; do sleep 0.05; done"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may set the power limits of (scripted) NVML cards")


def card(person, at=0):
    return person.get("/v1/gpus")["items"][at]


def test_a_cap_is_seen_while_its_job_runs_and_is_gone_afterwards(admin, until):
    own_w = card(admin)["power_limit_w"]
    job = admin.submit("sleep", "600", gpus=1, gpu_power_w=200)
    admin.wait_for(job, "running")
    seen = until(lambda: (now := card(admin))["power_limit_w"] == 200.0 and now)
    assert seen["power_cap_w"] == 200.0
    assert admin.job(job)["gpu_power_w"] == 200
    admin.ask("DELETE", f"/v1/jobs/{job}")
    until(lambda: card(admin)["power_limit_w"] == own_w)
    assert card(admin)["power_cap_w"] is None


@needs_root
@pytest.mark.parametrize("ends", [True, False])
def test_an_engine_that_is_killed_leaves_no_card_capped_for_ever(driver, launch, until, ends):
    """Whether the job ended while nobody looked, or runs on and keeps its cap until it ends."""
    engine = launch(driver.settings(), environment=driver.environment)
    admin = engine.admin()
    own_w = card(admin)["power_limit_w"]
    job = admin.script(UNTIL_TOLD, gpus=1, gpu_power_w=200)
    folder = Path(admin.wait_for(job, "running")["directory"])
    assert driver.set_limit_w(0) == 200.0
    engine.end(signal.SIGKILL)
    if ends:
        folder.joinpath("go").touch()
        until(folder.joinpath("exit").exists)
    assert driver.set_limit_w(0) == 200.0  # nobody was there to put it back
    engine.start()
    if not ends:
        assert (card(admin)["power_cap_w"], driver.set_limit_w(0)) == (200.0, 200.0)
        assert admin.job(job)["state"] == "running"
        folder.joinpath("go").touch()
    assert admin.ended(job)["state"] == "completed"
    until(lambda: driver.set_limit_w(0) == own_w)
    until(lambda: card(admin)["power_cap_w"] is None)


def test_the_budget_makes_the_second_job_wait_with_its_reason_until_there_is_power(launch, until):
    admin = launch(BUDGET).admin()
    first = admin.submit("sleep", "600", gpus=1)
    admin.wait_for(first, "running")
    second = admin.submit("true", gpus=1)
    why = until(lambda: (told := admin.get(f"/v1/jobs/{second}/why"))["reasons"] and told)
    (reason,) = why["reasons"]
    assert (reason["code"], reason["budget_w"]) == ("POWER_BUDGET", 400.0)
    assert reason["wanted_w"] > reason["free_w"]
    assert [holder["id"] for holder in why["holders"]] == [first]
    assert admin.get("/v1/stats")["power_budget_w"] == 400.0
    assert admin.refusal("POST", "/v1/jobs", json={"command": ["true"], "gpus": 2}) == "IMPOSSIBLE_REQUEST"
    third = admin.submit("true", gpus=2, gpu_power_w=150)
    admin.ask("DELETE", f"/v1/jobs/{first}")
    assert admin.ended(second)["state"] == admin.ended(third)["state"] == "completed"


def test_where_limits_cannot_be_set_a_job_with_one_is_refused_and_told_what_to_do(driver, launch):
    admin = launch(driver.settings(), environment=driver.environment | {"RCQ_SCRIPTED_EUID": "1000"}).admin()
    answer = admin.ask("POST", "/v1/jobs", json={"command": ["true"], "gpus": 1, "gpu_power_w": 200})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["message"] == (
        "Only root may set power limits, and this engine does not run as root. Leave gpu_power_w out."
    )
    assert admin.ended(admin.submit("true", gpus=1))["state"] == "completed"


@needs_root
def test_a_driver_that_refuses_a_limit_ends_the_attempt_with_its_message(driver, launch):
    driver.fail(0, "nvmlDeviceSetPowerManagementLimit", 4)
    admin = launch(driver.settings(), environment=driver.environment).admin()
    ended = admin.ended(admin.submit("true", gpus=1, gpu_power_w=200))
    assert (ended["state"], ended["cause"]) == ("failed", "launch-error")
    assert ended["message"].startswith("The power limit of GPU 0 could not be set to 200 W: ")
    assert card(admin)["power_cap_w"] is None


@needs_root
def test_a_hot_card_at_work_gets_a_lower_limit_until_it_is_cool(driver, launch, until):
    engine = launch(driver.settings(more="[thermal]\npower_cap = true\n"), environment=driver.environment)
    admin = engine.admin()
    own_w = card(admin)["power_limit_w"]
    job = admin.submit("sleep", "600", gpus=1)
    admin.wait_for(job, "running")
    driver.card(0, temperature=78)
    until(lambda: driver.set_limit_w(0) == pytest.approx(0.7 * own_w))
    until(lambda: card(admin)["power_cap_w"] == pytest.approx(0.7 * own_w))
    driver.card(0, temperature=60)
    until(lambda: driver.set_limit_w(0) == own_w)
    driver.card(0, temperature=78)
    until(lambda: driver.set_limit_w(0) == pytest.approx(0.7 * own_w))
    engine.end()
    assert driver.set_limit_w(0) == own_w
