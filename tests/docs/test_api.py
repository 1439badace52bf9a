"""The page on the API says nothing that the engine's own description does not say."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

from engine.api.app import create_app
from engine.protocol.errors import STATUS

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
DOCUMENT = create_app(SimpleNamespace()).openapi()  # type: ignore[arg-type]  # nothing is asked of the backend


def test_every_address_and_its_method_exists() -> None:
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]+)", PAGE)
    assert len(named) > 5
    assert [(method, path) for method, path in named if method.lower() not in DOCUMENT["paths"].get(path, {})] == []
    called = re.findall(r'engine\.(get|post)\("(/[^"?]+)', PAGE) + [
        ("any", path) for path in re.findall(r"http://rcq(/[^'?\s]+)", PAGE)
    ]
    assert len(called) > 5
    for method, path in called:
        assert path in DOCUMENT["paths"], path
        assert method == "any" or method in DOCUMENT["paths"][path]


def test_every_code_exists() -> None:
    named = set(re.findall(r"`([A-Z_]{8,})`", PAGE))
    assert {"DUPLICATE_JOB", "RATE_LIMITED"} <= named <= set(STATUS)


def test_the_example_of_a_refusal_is_what_the_engine_says() -> None:
    from engine.api.model import parse_line

    told = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.S)[1])  # type: ignore[index]  # there is one
    assert parse_line(b'{"command": ["true"], "gpuss": 1}').body() == told  # type: ignore[union-attr]  # it is refused


def test_every_python_example_is_python() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(examples) > 3
    for example in examples:
        compile(example, "docs/api.md", "exec")
