"""The locked versions: complete, with hashes, in step with pyproject.toml, and silent about where they come from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-test.txt", "requirements-lint.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]


def entries(name: str) -> dict[str, tuple[str, list[str]]]:
    """Package → (version, hashes)."""
    text = (ROOT / "packaging" / name).read_text()
    joined = re.sub(r"\\\n\s*", " ", text)
    found = {}
    for line in joined.splitlines():
        if not line or line.lstrip().startswith("#"):
            continue
        pinned = re.match(r"([a-z0-9-]+)==([^ ]+) ", line)
        assert pinned, f"{name}: not one pinned package: {line[:80]}"
        found[pinned[1]] = (pinned[2], re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes(name: str) -> None:
    locked = entries(name)
    assert locked
    assert [package for package, (_, hashes) in locked.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_index_host_or_path(name: str) -> None:
    text = (ROOT / "packaging" / name).read_text()
    assert re.findall(r"://|--(?:extra-)?index|--find-links|file:| /|@ ", text) == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("requirements.txt", PROJECT["project"]["dependencies"]),
        ("requirements.txt", PROJECT["build-system"]["requires"]),
        ("requirements-test.txt", EXTRAS["test"]),
        ("requirements-lint.txt", [*EXTRAS["test"], *EXTRAS["lint"], *EXTRAS["fuzz"]]),
    ],
)
def test_the_lock_holds_what_pyproject_asks_for(name: str, asked: list[str]) -> None:
    locked = entries(name)
    for requirement in map(Requirement, asked):
        package = normal(requirement.name)
        assert package in locked, f"{requirement} is not locked: run packaging/lock.sh"
        assert requirement.specifier.contains(locked[package][0]), f"{requirement}: run packaging/lock.sh"


def test_the_sets_share_their_versions() -> None:
    run, test, lint = map(entries, LOCKS)
    assert run.items() <= test.items()
    assert test.items() <= lint.items()


def test_the_build_requirements_repeat_the_build_system() -> None:
    lines = (ROOT / "packaging" / "requirements-build.in").read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert asked == [*PROJECT["build-system"]["requires"], "editables"]
