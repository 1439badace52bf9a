"""Changes to a job's request: what is let through field by field, and the whole that comes of it."""

import json
from typing import Any

import pytest

from engine.api.asks import Adopted
from engine.api.changes import FIXED, changed, parse_changes
from engine.protocol.errors import Refused
from engine.protocol.fields import After, ElementFields, JobFields
from engine.protocol.responses import JobDetail
from tests.api.scripted import USER, Api, refusal
from tests.api.test_routes import ROW

FIELDS = JobFields(command=["true"], args=["a"], gpus=2, gpu_memory_mb=100, gpu_share=True, job_id="k")


def refused(given: Any) -> Refused:
    with pytest.raises(Refused) as found:
        parse_changes(given if isinstance(given, bytes) else json.dumps(given).encode())
    return found.value


def test_only_what_was_given_in_its_own_name_and_unit() -> None:
    body = {"num_gpu": 3, "memory_gb": 1.5, "name": "n", "gpu_type": None, "tenant_id": None}
    assert parse_changes(json.dumps(body).encode()) == {
        "gpus": 3, "memory_mb": 1536, "name": "n", "gpu_type": None, "group": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        (b"{", "BAD_FORMAT", None),
        ([1], "BAD_FORMAT", None),
        (b"\xff", "BAD_ENCODING", None),
        ({}, "VALIDATION_ERROR", ""),
        ({"gpu": 1}, "VALIDATION_ERROR", "gpu"),
        ({"gpus": "1"}, "VALIDATION_ERROR", "gpus"),
        ({"priority": 11}, "VALIDATION_ERROR", "priority"),
        ({"gpus": 1, "num_gpu": 2}, "VALIDATION_ERROR", "num_gpu"),
        (b'{"gpus": 1, "gpus": 2}', "VALIDATION_ERROR", "gpus"),
        ({"retries": 101}, "VALIDATION_ERROR", "retries"),
        *[({name: None}, "VALIDATION_ERROR", name) for name in FIXED],
    ],
)
def test_what_is_wrong_by_itself(given: Any, code: str, field: str | None) -> None:
    found = refused(given)
    assert found.code == code
    assert field is None or found.details[0]["field"] in {field, "gpus"}


def test_the_rest_stays_and_none_is_the_default() -> None:
    found = changed(FIELDS, {"gpus": 1, "gpu_share": None, "gpu_memory_mb": None, "name": "x"})
    assert found == JobFields(command=["true"], args=["a"], gpus=1, name="x", job_id="k")


def test_everything_there_survives_a_change() -> None:
    full = JobFields(
        command=["a"], args=["b"], group="g", service="s", gpus=1, gpu_type="a6000", cpu_cores=2, memory_mb=3,
        time_limit_s=4, priority=6, preemptible=True, workdir="/w", environment={"A": "b"}, begin=1e9,
        after=[After(id=3, when="any")], retries=7, tags={"t": "u"}, job_id="k",
    )  # fmt: skip
    assert changed(full, {"name": "n"}) == JobFields(**{**_plain(full), "name": "n"})
    element = ElementFields(command=["a"], array="0-9", job_id="k[3]", array_parent=7, array_index=3)
    assert changed(element, {"gpus": 1}) == JobFields(command=["a"], array="0-9", job_id="k[3]", gpus=1)


def _plain(fields: JobFields) -> dict[str, Any]:
    return {name: getattr(fields, name) for name in JobFields.__dataclass_fields__}


def test_a_new_command_or_script_takes_the_others_place() -> None:
    assert changed(FIELDS, {"command": ["x"]}).args == []
    assert changed(FIELDS, {"command": ["x"], "args": ["y"]}).args == ["y"]
    scripted = changed(FIELDS, {"script": "exit"})
    assert (scripted.command, scripted.args, scripted.script) == (None, [], "exit")


@pytest.mark.parametrize(
    "changes",
    [{"gpus": 0}, {"gpu_memory_mb": None}, {"command": None}, {"script": "x", "command": ["y"]}, {"command": [""]}],
)
def test_the_whole_is_held_to_the_rules_of_a_submission(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as found:
        changed(FIELDS, changes)
    assert found.value.code == "VALIDATION_ERROR"


def test_the_routes(api: Api) -> None:
    detail = JobDetail(**ROW, command=["true"], retries=2)
    api.script.expect("jobs.edit", USER, 7, {"gpus": 2, "service": None}, gives=detail)
    api.script.expect("jobs.requeue", USER, 7, gives=detail)
    answer = api.ask("PATCH", "/v1/jobs/7", json={"num_gpu": 2, "service": None})
    assert (answer.status_code, answer.json()["retries"]) == (200, 2)
    assert api.ask("POST", "/v1/jobs/7/requeue").json()["id"] == 7
    assert refusal(api.ask("PATCH", "/v1/jobs/7", json={"gpu": 2})) == (422, "VALIDATION_ERROR")
    assert refusal(api.ask("PATCH", "/v1/jobs/7", json={})) == (422, "VALIDATION_ERROR")
    api.script.expect("jobs.edit", USER, 8, {"gpus": 2}, gives=Refused("INVALID_STATE", "it runs"))
    assert refusal(api.ask("PATCH", "/v1/jobs/8", json={"gpus": 2})) == (409, "INVALID_STATE")


def test_adopt(api: Api) -> None:
    detail = JobDetail(**ROW, command=["true"], adopted_pid=4711)
    api.script.expect("jobs.adopt", USER, Adopted(pid=4711, time_limit_s=60, name="x"), gives=detail)
    answer = api.ask("POST", "/v1/adopt", json={"pid": 4711, "time_limit_s": 60, "name": "x"})
    assert (answer.status_code, answer.json()["adopted_pid"]) == (201, 4711)
    for body in ({}, {"pid": 0}, {"pid": "1"}, {"pid": 1, "gpus": 1}, {"pid": 1, "time_limit_s": 0}):
        assert refusal(api.ask("POST", "/v1/adopt", json=body)) == (422, "VALIDATION_ERROR")
