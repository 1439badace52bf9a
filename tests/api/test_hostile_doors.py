"""Names with power over a line, or that the eye cannot tell apart, are refused at the door; texts of jobs are not."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hostile_text import CORPUS

from engine.api.model import parse_line
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields

VISIBLE = {"markup", "broken-markup", "blanks", "marks", "emoji", "private", "selectors"}
"""What is refused nowhere: it has power over nobody, or only until it is shown, where it is made harmless."""
NAMES = ("name", "job_id", "group", "service", "gpu_type")


def job(**fields: object) -> JobFields | Refused:
    return parse_line(json.dumps({"command": ["true"], **fields}).encode())


@pytest.mark.parametrize("kind", CORPUS)
@pytest.mark.parametrize("field", NAMES)
def test_names(kind: str, field: str) -> None:
    found = job(**{field: CORPUS[kind][:200]})
    assert isinstance(found, JobFields if kind in VISIBLE else Refused), found
    if isinstance(found, Refused):
        assert found.code == "VALIDATION_ERROR"
        assert all(one.isprintable() for one in json.dumps(found.body()))


@pytest.mark.parametrize("kind", sorted(set(CORPUS) - VISIBLE))
def test_tags_images_and_keys_of_the_environment(kind: str) -> None:
    text = CORPUS[kind][:200]
    for fields in ({"tags": {"k": text}}, {"tags": {text: "v"}}, {"image": text}, {"environment": {text: "v"}}):
        assert isinstance(job(**fields), Refused), fields


@pytest.mark.parametrize("kind", sorted(set(CORPUS) - {"nul"}))
def test_what_a_program_is_given_may_be_anything_but_nul(kind: str) -> None:
    text = CORPUS[kind]
    found = job(args=[text], environment={"A": text})
    assert isinstance(found, JobFields)
    assert (found.args, found.environment) == ([text], {"A": text})
    assert isinstance(job(args=["a\0b"]), Refused)
    assert isinstance(job(environment={"A": "a\0b"}), Refused)
    assert isinstance(parse_line(b'{"command": ["a\\ud800"]}'), Refused)


def test_names_of_people_s_own_scripts_pass() -> None:
    for name in ("größe", "数据", "می‌خواهم", "👩‍👩‍👧", "e\u0301", "עברית"):
        assert isinstance(job(name=name), JobFields), name
