"""The commented settings file and the typed settings are one list: key by key, default by default, both ways."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import config
from config.load import load, parse
from config.settings import Settings, SimulatedCard, SlurmCard

FILE = Path(config.__file__).parent / "rcq.toml"
TEXT = FILE.read_text(encoding="utf-8")
KEY = re.compile(r"^#([a-z_]+) = ")


def uncommented() -> str:
    """The file with every default switched on: `#key = …`, `#[group]` and `#[[group]]` are settings, `# …` is prose."""
    return re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", TEXT)


def groups(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    return {name: field.annotation for name, field in model.model_fields.items() if field.annotation is not None}


def keys(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a settings document with its value; items of a list of groups under the group's own name."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from keys(value, f"{path}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from keys(value[0], f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def declared() -> dict[str, Any]:
    """Every setting there is with its default."""
    found = {}
    for group, model in groups(Settings).items():
        for name, field in model.model_fields.items():
            found[f"{group}.{name}"] = field.default
    del found["gpu.simulated"]
    for name, field in SimulatedCard.model_fields.items():
        found[f"gpu.simulated.{name}"] = field.default
    del found["slurm.cards"]
    for name, field in SlurmCard.model_fields.items():
        found[f"slurm.cards.a100.{name}"] = field.default
    return found


SHOWN = dict(keys(tomllib.loads(uncommented())))
DECLARED = declared()


def test_as_shipped_it_changes_nothing() -> None:
    assert load(FILE) == Settings()


def test_it_shows_every_setting_and_no_other() -> None:
    assert set(SHOWN) == set(DECLARED)


@pytest.mark.parametrize("key", [key for key, default in DECLARED.items() if default is not None])
def test_it_shows_the_default(key: str) -> None:
    assert SHOWN[key] == DECLARED[key]
    assert type(SHOWN[key]) is type(DECLARED[key])


@pytest.mark.parametrize("key", [key for key, default in DECLARED.items() if default is None])
def test_a_setting_without_a_default_says_so_above_its_example(key: str) -> None:
    assert "Unset by default" in prose_above(key.rpartition(".")[2])


@pytest.mark.parametrize("key", DECLARED)
def test_every_setting_has_prose_above_it(key: str) -> None:
    assert len(prose_above(key.rpartition(".")[2])) > 10


def test_all_of_it_switched_on_is_accepted() -> None:
    settings = parse(uncommented(), FILE)
    assert settings.thermal == Settings().thermal
    assert settings.gpu.simulated == (SimulatedCard(start_c=90.0),)
    assert settings.slurm.cards == {"a100": SlurmCard()}


def prose_above(name: str) -> str:
    """The comment over a key, or over the keys just before it that share one."""
    lines = TEXT.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"#{name} = "))
    while at and KEY.match(lines[at]):
        at -= 1
    prose = []
    while at >= 0 and lines[at].startswith("# "):
        prose.insert(0, lines[at].removeprefix("# "))
        at -= 1
    return " ".join(prose)
