"""docs/slurm.md: its settings are settings, and its table of sbatch's options is what rcq gives to it."""

import re
import tomllib
from pathlib import Path

import pytest

from config.settings import Settings
from engine.executor.slurm import request

PAGE = (Path(__file__).parents[2] / "docs" / "slurm.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
TABLE = PAGE.partition("## What becomes of a request")[2].partition("\n## ")[0]
OPTION = re.compile(r"--[a-z][a-z-]+")
OF_RCQ_ITSELF = {"--parsable"}
"""What is about the answer and nothing about the job."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_settings_is_taken(example: str) -> None:
    settings = Settings.model_validate(tomllib.loads(example))
    assert "slurm" in {settings.executor.kind, settings.executor.overflow}


def test_there_are_examples_of_both_ways() -> None:
    assert len(EXAMPLES) == 2


def test_every_option_that_sbatch_is_given_is_in_the_table() -> None:
    given = set(OPTION.findall(Path(request.__file__).read_text(encoding="utf-8"))) - OF_RCQ_ITSELF
    given |= {"--partition", "--account", "--qos"}
    told = set(OPTION.findall("\n".join(line for line in TABLE.splitlines() if line.startswith("|"))))
    assert given <= told
    assert told - given <= {"--constraint"}
