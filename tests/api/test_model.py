"""One job from one line: spellings, units, ranges, refusals."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.model import load_json, parse_line, parse_object
from engine.api.schema import JOB_NAMES
from engine.protocol.errors import Refused
from engine.protocol.fields import ALIASES, FIELD_NAMES, JobFields

FULL: dict[str, Any] = {
    "job_id": "a-1",
    "name": "train",
    "command": ["python", "t.py"],
    "args": ["--lr", "0.1"],
    "group": "vision",
    "service": "alphafold",
    "gpus": 2,
    "gpu_type": "a6000",
    "gpu_memory_mb": 1000,
    "gpu_share": True,
    "cpu_cores": 4,
    "memory_mb": 2000,
    "time_limit_s": 60,
    "priority": 7,
    "preemptible": True,
    "idle_ok": True,
    "anywhere": False,
    "workdir": "/tmp",
    "environment": {"A": "b=c"},
    "image": "ubuntu:24.04",
    "files": [{"name": "conf/a.yaml", "upload": "0f" * 16, "executable": True}],
    "after": [{"id": 3, "when": "any"}],
    "array": "0-9%2",
    "begin": 1e9,
    "retries": 3,
    "tags": {"k": "v"},
    "submitted_at": 12.5,
}


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A machine that others use as well decides nothing."""


def line(**given: Any) -> bytes:
    return json.dumps({"command": ["true"], **given}).encode()


def accepted(text: bytes) -> JobFields:
    fields = parse_line(text)
    assert isinstance(fields, JobFields), fields
    return fields


def refused(text: bytes) -> Refused:
    fields = parse_line(text)
    assert isinstance(fields, Refused), fields
    assert isinstance(fields.details, list)
    return fields


def test_every_field_arrives() -> None:
    expected = dict.fromkeys([*FIELD_NAMES, "redo_of"]) | FULL  # of those that are left out, each excludes another
    assert asdict(accepted(json.dumps(FULL).encode())) == expected
    assert set(FULL) | {"script", "cron", "gpu_power_w", "snapshot", "foreground"} == set(FIELD_NAMES)


def test_leave_to_run_anywhere_does_not_go_with_what_this_host_alone_can_do() -> None:
    assert accepted(line(anywhere=True, gpus=1, gpu_share=False)).anywhere is True
    for field, also in {
        "gpu_share": {"gpus": 1, "gpu_memory_mb": 100, "gpu_share": True},
        "gpu_power_w": {"gpus": 1, "gpu_power_w": 200},
        "foreground": {"foreground": "/run/user/1/s"},
    }.items():
        told = refused(line(anywhere=True, **also))
        assert (told.code, told.details[0]["field"]) == ("VALIDATION_ERROR", "anywhere")
        assert field in told.message
        assert accepted(line(anywhere=False, **also)).anywhere is False


def test_the_foreground_arrives_and_goes_with_little_else() -> None:
    assert accepted(line(foreground="/run/user/1/s")).foreground == "/run/user/1/s"
    for wrong in ("s", "", "/" + "x" * 107, "/" + "ä" * 54, "/a\nb"):
        assert refused(line(foreground=wrong)).details[0]["field"] == "foreground", wrong
    for name, value in {"array": "0-3", "cron": "0 0 * * *", "image": "ubuntu", "retries": 1}.items():
        assert refused(line(foreground="/s", **{name: value})).details[0]["field"] == name
    assert refused(b'{"script": "true", "foreground": "/s"}').details[0]["field"] == "script"
    assert accepted(line(foreground="/s", retries=0)).retries == 0


def test_captured_code_arrives_and_leads_nowhere_else() -> None:
    snapshot = {"upload": "0f" * 16, "subdir": "a/b", "commit": "a" * 40, "dirty": True, "environment": {"python": "3"}}
    found = accepted(json.dumps({"command": ["x"], "snapshot": snapshot}).encode()).snapshot
    assert found is not None
    assert asdict(found) == {"branch": None, "remote": None, "diff": None} | snapshot
    for wrong in ({"subdir": "../x"}, {"subdir": "/x"}, {"commit": "main"}, {"upload": "x"}, {"more": 1}):
        refused(json.dumps({"command": ["x"], "snapshot": snapshot | wrong}).encode())
    refused(json.dumps({"command": ["x"], "workdir": "/", "snapshot": snapshot}).encode())


def test_the_accepted_names_are_the_protocols() -> None:
    assert set(JOB_NAMES) == set(FIELD_NAMES) | set(ALIASES)


def test_what_is_left_out_or_null_has_its_default() -> None:
    assert accepted(b'{"command": ["true"]}') == JobFields(command=["true"])
    nulls = {name: None for name in JOB_NAMES if name != "command"}
    assert accepted(line(**nulls)) == JobFields(command=["true"])


@pytest.mark.parametrize(
    ("spelling", "value", "field", "result"),
    [
        ("tenant_id", "g", "group", "g"),
        ("group_id", "g", "group", "g"),
        ("gpu_count", 3, "gpus", 3),
        ("num_gpu", 0, "gpus", 0),
        ("gpu_spec", " RTX   A6000 ", "gpu_type", "rtx a6000"),
        ("memory_gb", 1.5, "memory_mb", 1536),
        ("memory_gb", 16, "memory_mb", 16384),
        ("memory_mib", 7, "memory_mb", 7),
        ("max_runtime", 90, "time_limit_s", 90),
        ("expected_time", 90.2, "time_limit_s", 91),
        ("max_runtime_minutes", 2, "time_limit_s", 120),
        ("estimated_hours", 1.1, "time_limit_s", 3960),
        ("estimated_hours", 0.00001, "time_limit_s", 1),
        ("estimated_hours", 1e-11, "time_limit_s", 1),
        ("max_runtime", 1e-9, "time_limit_s", 1),
        ("memory_gb", 1e-12, "memory_mb", 1),
    ],
)
def test_other_spellings(spelling: str, value: object, field: str, result: object) -> None:
    assert getattr(accepted(line(**{spelling: value})), field) == result


def test_every_other_spelling_is_tried_above() -> None:
    tried = {mark.args[1][at][0] for mark in test_other_spellings.pytestmark for at in range(len(mark.args[1]))}  # type: ignore[attr-defined]
    assert tried == set(ALIASES)


BAD: list[tuple[bytes, str, str]] = [
    (line(gpus=True), "gpus", "integer"),
    (line(gpus="4"), "gpus", "integer"),
    (line(gpus=1.5), "gpus", "integer"),
    (line(gpus=-1), "gpus", "0"),
    (line(gpus=10**400), "gpus", ""),
    (line(cpu_cores=0), "cpu_cores", "1"),
    (line(memory_mb=0), "memory_mb", "1"),
    (line(memory_gb=0), "memory_gb", "greater"),
    (line(memory_gb=-2), "memory_gb", "greater"),
    (line(memory_gb=float("nan")), "memory_gb", "finite"),
    (line(memory_gb=float("inf")), "memory_gb", ""),
    (line(time_limit_s=0), "time_limit_s", "1"),
    (line(estimated_hours="2"), "estimated_hours", "number"),
    (line(estimated_hours=True), "estimated_hours", "number"),
    (line(priority=0), "priority", "1"),
    (line(priority=11), "priority", "10"),
    (line(preemptible="yes"), "preemptible", "boolean"),
    (line(preemptible=1), "preemptible", "boolean"),
    (line(name="x" * 201), "name", "200"),
    (line(name=""), "name", "1"),
    (line(name="a\nb"), "name", "control"),
    (line(name="a\x1b[31m"), "name", "control"),
    (line(name="a\u202eb"), "name", "control"),
    (line(job_id="x" * 201), "job_id", "200"),
    (line(job_id="a\x7f"), "job_id", "control"),
    (line(job_id=7), "job_id", "string"),
    (line(tags={"a": "b\x00"}), "tags.a", "control"),
    (line(tags={"a\tb": "c"}), "tags.a\tb", "control"),
    (line(tags={"a": 1}), "tags.a", "string"),
    (line(environment={"1A": "x"}), "environment.1A", "letters"),
    (line(environment={"A B": "x"}), "environment.A B", "letters"),
    (line(environment={"A": "x\x00y"}), "environment", "NUL"),
    (line(environment={"A": "x" * 70_000, "B": "x" * 70_000}), "environment", "131072"),
    (line(workdir="here"), "workdir", "absolute"),
    (line(workdir="/a\x00"), "workdir", "NUL"),
    (line(workdir="/a\nUser=root"), "workdir", "line breaks"),
    (line(gpu_type="   "), "gpu_type", "word"),
    (line(gpu_share=True), "gpu_share", "gpu_memory_mb"),
    (line(gpus=1, gpu_power_w=0), "gpu_power_w", "1"),
    (line(gpu_power_w=200), "gpu_power_w", "whole cards"),
    (line(gpus=1, gpu_memory_mb=9, gpu_share=True, gpu_power_w=200), "gpu_power_w", "not shared"),
    (line(array=7), "array", "string"),
    (line(array=""), "array", "0-99"),
    (line(array="0-9%0"), "array", "1 or more"),
    (line(array="3,3"), "array", "twice"),
    (line(array="0-99", job_id="x" * 197), "job_id", "200"),
    (line(submitted_at=-1), "submitted_at", "0"),
    (line(command="python t.py"), "command", "script"),
    (line(command=[]), "command", "1 item"),
    (line(command=[""]), "command.0", "program"),
    (line(command=["a", 1]), "command.1", "string"),
    (line(command=["a\x00b"]), "command", "NUL"),
    (line(args=["a\x00b"]), "command", "NUL"),
    (line(command=["a", "x" * 70_000], args=["y" * 70_000]), "command", "131072"),
    (line(command=["ü" * 70_000]), "command", "131072"),
    (line(script="x"), "command", "not both"),
    (b'{"gpus": 1}', "command", "script"),
    (b'{"script": "a\\u0000b"}', "script", "NUL"),
    (b'{"script": ""}', "script", "1"),
    (line(gpus=1, num_gpu=1), "num_gpu", "gpus"),
    (line(memory_gb=1, memory_mb=1024), "memory_gb", "memory_mb"),
    (line(max_runtime=1, estimated_hours=1), "estimated_hours", "max_runtime"),
    (b'{"command": ["a"], "gpus": 1, "gpus" : 1}', "gpus", "twice"),
    (b'{"command": ["a"], "environment": {"A": "1", "A": "2"}}', "environment.A", "twice"),
    (b'{"command": ["a:b"], "tags": {"A": "1", "\\u0041": "2"}}', "tags.A", "twice"),
    (line(gpuss=1), "gpuss", "gpus"),
    (line(Priority=1), "Priority", "priority"),
    (line(zzz=1), "zzz", "unknown"),
    (line(id=1), "id", "job_id"),
]


@pytest.mark.parametrize(("text", "field", "hint"), BAD)
def test_what_is_wrong_is_told_by_field(text: bytes, field: str, hint: str) -> None:
    no = refused(text)
    assert no.code == "VALIDATION_ERROR"
    assert [one["field"] for one in no.details] == [field]
    assert hint in no.details[0]["message"]
    assert no.details[0]["message"] in no.message


@pytest.mark.parametrize(
    "image", ["ubuntu:24.04", "docker://nvcr.io/nvidia/pytorch:25.01-py3", "/data/a b.sif", "a@sha256:" + 64 * "0"]
)
def test_an_image_is_taken_as_it_is_written(image: str) -> None:
    assert accepted(line(image=image)).image == image


@pytest.mark.parametrize("image", ["", "-v/:/host", "--privileged", " x", "a\nb", "a\x1b[0m", "x" * 1025])
def test_an_image_is_never_an_option_nor_garbles_a_line(image: str) -> None:
    no = refused(line(image=image))
    assert (no.code, no.details[0]["field"]) == ("VALIDATION_ERROR", "image")
    assert "\\x" not in no.details[0]["message"]


@pytest.mark.parametrize("workdir", ["/a:/etc", "/a,readonly", '/a"', "/a\\"])
def test_a_container_is_given_no_folder_that_its_program_would_read_as_more(workdir: str) -> None:
    assert accepted(line(workdir=workdir)).workdir == workdir
    no = refused(line(workdir=workdir, image="ubuntu"))
    assert (no.code, no.details[0]["field"]) == ("VALIDATION_ERROR", "workdir")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "BAD_FORMAT"),
        (b"{", "BAD_FORMAT"),
        (b'{"command": ["tr', "BAD_FORMAT"),
        (b'{"command": ["a"]} {"command": ["b"]}', "BAD_FORMAT"),
        (b"[]", "BAD_FORMAT"),
        (b"7", "BAD_FORMAT"),
        (b"null", "BAD_FORMAT"),
        (b'"x"', "BAD_FORMAT"),
        (b"{'command': ['a']}", "BAD_FORMAT"),
        (b"[" * 50_000, "BAD_FORMAT"),
        (b'{"command": ["a"], "name": "\\ud800"}', "BAD_FORMAT"),
        (b'{"command": ["\xe9"]}', "BAD_ENCODING"),
        (b"\xff\xfe", "BAD_ENCODING"),
        (b'{"command": ["\xed\xa0\x80"]}', "BAD_ENCODING"),
    ],
)
def test_what_is_no_job_at_all(text: bytes, code: str) -> None:
    assert refused(text).code == code


def test_the_place_in_a_line_is_its_column() -> None:
    assert refused(b'{"a" 1}').message.endswith("at column 6.")


def test_text_that_only_looks_like_json_is_fine() -> None:
    text = '{"a": 1, "a": 2} \\u0000 "x" : '
    assert accepted(line(command=["echo", text], environment={"A": text})).command == ["echo", text]


def test_ten_thousand_wrong_fields_are_not_all_told() -> None:
    no = refused(json.dumps({f"x{at}": 1 for at in range(10_000)}).encode())
    assert len(no.details) == 20
    assert len(no.message) < 500


def test_details_never_repeat_a_value() -> None:
    secret = "hunter2"
    no = refused(line(environment={"KEY": [secret]}, workdir=secret, gpus=secret, name=secret + "\n"))
    assert secret not in json.dumps(no.body())


@UNHURRIED
@given(
    st.dictionaries(
        st.sampled_from([*JOB_NAMES, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=6,
    )
)
def test_anything_gives_a_job_or_a_refusal_the_same_from_text_and_from_values(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    from_text, from_value = parse_line(text.encode()), parse_object(load_json(text))
    assert type(from_text) is type(from_value)
    if isinstance(from_text, JobFields):
        assert from_text == from_value
        assert (from_text.command is None) != (from_text.script is None)


@UNHURRIED
@given(st.binary(max_size=60))
def test_any_bytes_are_answered(data: bytes) -> None:
    assert isinstance(parse_line(data), Refused)
