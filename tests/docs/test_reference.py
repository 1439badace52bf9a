"""The reference page and the code are one list: nothing undocumented, nothing documented that does not exist."""

import argparse
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from config import paths
from config.settings import Settings, SimulatedCard, SlurmCard
from engine.api import errorrecords
from engine.api.app import create_app
from engine.api.model import NOT_ANYWHERE
from engine.core.changes import CHANGE_CODES, Change
from engine.core.health import CAUSES, HARDWARE_XIDS
from engine.core.lifecycle import Cause, JobState, outcome
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.reasons import REASON_CODES, Reason
from engine.core.snapshot import Lease
from engine.core.trace import Estimates
from engine.daemon.aftermath import RETRIED
from engine.daemon.fitness import NOT_ON_SLURM
from engine.daemon.policies import BASELINES
from engine.daemon.simoptions import read_options
from engine.executor import environment
from engine.protocol import errors
from engine.protocol.fields import ALIASES, FIELD_NAMES, ElementFields, JobFields
from engine.protocol.listings import SORTS
from engine.protocol.notices import NOTICES
from engine.protocol.people import QuotaView
from engine.protocol.responses import MeasuresView
from engine.protocol.search import TYPED, parse_search
from rcq_tui.cli import failures, web
from rcq_tui.cli.exports import FORMATS
from rcq_tui.cli.quotas import add_quota
from rcq_tui.cli.verbs import VERBS
from rcq_tui.tui.commands import COMMANDS, key_name
from rcq_tui.tui.themes import HIGH_CONTRAST, SIXTEEN, THEMES
from rcq_tui.viewmodel.faults import FAULTS
from rcq_tui.viewmodel.helps import PHRASES
from rcq_tui.viewmodel.states import GPU_STATES, JOB_STATES

PAGE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"(?m)^## ", PAGE)[1:]}
UNIT_OF_ENDING = {
    "_s": "s", "_h": "h", "_days": "days", "_c": "°C", "_mb": "MiB", "_w": "W", "_bytes": "bytes", "_watt": "K/W",
}  # fmt: skip


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def table(section: str) -> dict[str, list[str]]:
    """First cell → the others. A row that stands twice, or one that says nothing, fails."""
    found = rows(section)
    named = {codes(first)[0]: others for first, *others in found}
    assert len(named) == len(found)
    assert all(others[-1] for others in named.values()) or section == "A job's fields"
    return named


def test_every_typed_word_and_every_order_of_a_search() -> None:
    words = [word for first, _ in rows("Search and sort") for word in codes(first)]
    assert {word.partition(":")[0] for word in words} == set(TYPED)
    assert all(parse_search(word) for word in words)
    assert set(SORTS) <= set(codes(SECTIONS["Search and sort"]))


def test_every_section_is_one_that_is_checked() -> None:
    assert set(SECTIONS) == {
        "Commands", "Exit codes", "Variables that override", "A job's fields", "What a job sees", "Containers",
        "In the foreground", "Slurm",
        "States of a job", "Causes", "Attempts", "GPU memory", "Measures", "Notices", "Quotas", "Power",
        "States of a GPU", "Causes of quarantine", "Reasons", "Helps", "Errors", "Search and sort",
        "Listings as data", "An error of an ingested line", "API",
        "Results",
        "Audit log", "What others wrote, on your screen", "Settings", "Keys of the terminal UI", "Options of simulate",
        "In a browser", "Looks of the terminal UI",
    }  # fmt: skip


def test_power_tells_of_settings_reasons_notices_and_fields_that_exist() -> None:
    settings = {f"{group}.{key}" for group, model in Settings.model_fields.items()
                for key in getattr(model.annotation, "model_fields", {})}  # fmt: skip
    known = settings | REASON_CODES | set(NOTICES) | set(FIELD_NAMES) | {cause.value for cause in Cause}
    assert set(codes(SECTIONS["Power"])) - {"rcq submit --gpu-power W"} <= known


def test_slurm_tells_what_is_refused_and_of_settings_reasons_and_fields_that_exist() -> None:
    told = {first: others for first, *others in rows("Slurm")}
    of_fields = {codes(first)[0]: others for first, others in told.items() if not codes(first)[0].startswith("rcq ")}
    assert set(of_fields) == set(NOT_ANYWHERE) | set(NOT_ON_SLURM) | {"image"}
    assert all(codes(cell)[0] in errors.STATUS for others in of_fields.values() for cell in others)
    settings = {f"{group}.{key}" for group, model in Settings.model_fields.items()
                for key in getattr(model.annotation, "model_fields", {})}  # fmt: skip
    known = settings | REASON_CODES | set(errors.STATUS) | set(FIELD_NAMES) | {"place", "show", "why", "slurm"}
    named = {word for word in codes(SECTIONS["Slurm"]) if not word.startswith(("rcq ", "srun", "scontrol"))}
    assert named <= known


def test_every_command_with_its_line() -> None:
    assert {verb: cells[0] for verb, cells in table("Commands").items()} == {
        name: verb.summary for name, verb in VERBS.items()
    }


def test_what_is_said_of_the_browser_is_what_web_takes(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(SECTIONS["In a browser"].split())
    with pytest.raises(SystemExit):
        web.run(["--help"])
    offered = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}
    assert offered == set(re.findall(r"--[a-z]+", said)) | {"--host"}, "--host is there to be refused"
    assert f"http://127.0.0.1:{web.PORT}/" in said
    assert f"-L {web.PORT}:127.0.0.1:{web.PORT}" in said
    assert f"more than {web.MOST} browser tabs" in said


def test_every_exit_code() -> None:
    named = [item for of in (errors, failures) for item in vars(of).items() if item[0].startswith("EXIT_")]
    known = {code for _, code in named if isinstance(code, int)}
    assert sorted(int(first) for first, _ in rows("Exit codes")) == sorted(known)


def test_every_error_with_its_status_and_exit_code() -> None:
    told = {code: (int(cells[0]), int(cells[1])) for code, cells in table("Errors").items()}
    assert told == {code: (status, errors.EXIT_OF_CODE[code]) for code, status in errors.STATUS.items()}


def test_every_field_of_an_ingested_lines_error() -> None:
    told = [name for row in rows("An error of an ingested line") for name in codes(row[0])]
    assert sorted(told) == sorted(errorrecords.NAMES)


def test_every_reason_with_its_numbers() -> None:
    kinds = {kind.code: [field.name for field in fields(kind)] for kind in Reason.__args__}
    assert set(kinds) == REASON_CODES
    assert {code: codes(cells[0]) for code, cells in table("Reasons").items()} == kinds


def test_every_help_with_its_numbers_and_words() -> None:
    kinds = {kind.code: [field.name for field in fields(kind)] for kind in Change.__args__}
    assert set(kinds) == CHANGE_CODES == set(PHRASES)
    assert {code: codes(cells[0]) for code, cells in table("Helps").items()} == kinds


def test_every_notice_with_its_numbers() -> None:
    assert {code: tuple(codes(cells[0])) for code, cells in table("Notices").items()} == NOTICES


def test_gpu_memory_is_told_in_words_that_there_are() -> None:
    known = {*Cause, *FIELD_NAMES, *REASON_CODES, *NOTICES, *declared(Settings, "")}
    assert set(codes(SECTIONS["GPU memory"])) <= known


def test_every_measure() -> None:
    assert list(table("Measures")) == [field.name for field in fields(MeasuresView)]


def test_every_cause_with_the_states_that_it_leads_to() -> None:
    told = {cause: set(codes(cells[0])) for cause, cells in table("Causes").items()}
    assert told == {str(cause): {str(outcome(cause, code)) for code in (0, 1)} for cause in Cause}


def test_every_cause_of_quarantine_with_what_follows_and_its_xids() -> None:
    told = table("Causes of quarantine")
    follows = {cause: (cells[0] == "yes", cells[1] != "go on") for cause, cells in told.items()}
    assert follows == {cause: (fault.heals, fault.stops) for cause, fault in CAUSES.items()}
    xids = {int(xid): cause for cause, cells in told.items() for xid in re.findall(r"\d+", cells[2])}
    assert xids == HARDWARE_XIDS
    assert set(FAULTS) == {*CAUSES, "missing"}


def test_attempts_are_told_in_words_that_there_are() -> None:
    known = {*Cause, *JobState, *FIELD_NAMES, *VERBS, *declared(Settings, "")}
    known |= {
        "RCQ_ATTEMPT",
        "message",
        "exit_code",
        "SIGTERM",
        "SIGKILL",
        "attempts",
        "stdout.log",
        "stderr.log",
        "exit",
    }
    assert set(codes(SECTIONS["Attempts"])) <= known
    assert {after for after, *_ in rows("Attempts")} == {
        "a failure", "preemption", "idleness", "`gpu-out-of-memory`", "`requeue` of an ended job",
    }  # fmt: skip
    untried = {Cause.DEPENDENCY, Cause.TIME_LIMIT}
    assert {cause for cause in Cause if outcome(cause, 1) is JobState.FAILED} - untried == RETRIED
    assert all(f"`{cause}`" in SECTIONS["Attempts"] for cause in untried)


@pytest.mark.parametrize(("section", "signs"), [("States of a job", JOB_STATES), ("States of a GPU", GPU_STATES)])
def test_every_state_with_its_sign(section: str, signs: dict[str, tuple[str, str, str]]) -> None:
    assert {state: cells[0] for state, cells in table(section).items()} == {name: of[0] for name, of in signs.items()}


def test_the_signs_are_of_the_states_there_are() -> None:
    assert set(JOB_STATES) == {str(state) for state in JobState}


def test_every_field_of_a_job_with_its_default_and_spellings() -> None:
    told, plain = table("A job's fields"), JobFields()
    assert tuple(told) == FIELD_NAMES
    spelled = {}
    for name, (_, default, others, _) in told.items():
        value = tomllib.loads(f"value = {codes(default)[0]}")["value"] if default else None
        assert value == getattr(plain, name), name
        for other, factor in re.findall(r"`(\w+)`(?: \(× (\d+)\))?", others):
            spelled[other] = (name, int(factor or 1))
    assert spelled == ALIASES


def test_every_field_has_a_unit_that_its_name_bears_out() -> None:
    for name, (unit, *_) in table("A job's fields").items():
        assert unit, name
        assert unit == "MiB" or not name.endswith("_mb")
        assert unit == "seconds" or not name.endswith("_s")


def test_every_variable_that_a_job_sees() -> None:
    shape, owner = Shape(gpus=0), Owner(account=AccountName("a"), group=GroupName("g"))
    key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=shape)
    lease = Lease(job=JobId("1"), key=key, gpus=(), started_at=0.0, expected_end=1.0)
    person = environment.Person(**dict.fromkeys(environment.Person.__dataclass_fields__, "x"))
    element = ElementFields(array="0-9", array_parent=1, array_index=3)
    built = environment.build(fields=element, lease=lease, attempt=1, directory=Path("/d"), person=person, now=0.0)
    told = [name for first, _ in rows("What a job sees") for name in codes(first)]
    assert sorted(told) == sorted(built)


def test_every_overriding_variable_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rcq_tui.client import token, where

    for name in table("Variables that override"):
        monkeypatch.setenv(name, f"/{name}")
    seen = {where.find_socket(), token.read(), str(paths.config_file())}
    assert seen == {f"/{name}" for name in table("Variables that override")}


def test_every_address() -> None:
    app = create_app(SimpleNamespace())  # type: ignore[arg-type]  # nothing is asked of the backend
    known = {f"{verb.upper()} {path}" for path, verbs in app.openapi()["paths"].items() for verb in verbs}
    assert set(table("API")) == known


def test_every_action_of_the_audit_log() -> None:
    """Those that the engine's words name, whatever sentence they stand in; a setting may look like one."""
    told = table("Audit log")
    beginnings = "|".join({action.partition(".")[0] for action in told})
    looks = re.compile(rf'"((?:{beginnings})\.[a-z-]+)"')
    engine = Path(__file__).parents[2] / "engine"
    sources = "".join(file.read_text() for file in (engine / "daemon").rglob("*.py"))
    settings = set(declared(Settings, ""))
    strangers = {"engine.lock", "engine.notifier"}  # a file, a program
    assert set(looks.findall(sources)) - settings - strangers == {action for action in told if "." in action}
    for word in (action for action in told if "." not in action):
        assert f'"{word}"' in sources


def test_every_limit_with_its_option() -> None:
    told = {limit: codes(option)[0] for limit, (option, _) in table("Quotas").items()}
    assert list(told) == [field.name for field in fields(QuotaView)]
    parser = argparse.ArgumentParser()
    add_quota(parser)
    assert set(told.values()) == set(re.findall(r"(?m)^  (--[a-z-]+)", parser.format_help()))


def declared(group: type[BaseModel], before: str) -> dict[str, Any]:
    """Every key under `before` with its default."""
    found: dict[str, Any] = {}
    lists = {"gpu.simulated": SimulatedCard, "slurm.cards.TYPE": SlurmCard}
    for field_name, field in group.model_fields.items():
        name = f"{field_name}.TYPE" if before + field_name == "slurm.cards" else field_name
        inner = lists.get(before + name, field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= declared(inner, f"{before}{name}.")
        else:
            found[before + name] = field.default
    return found


def test_every_option_and_policy_of_simulate(capsys: pytest.CaptureFixture[str]) -> None:
    told = table("Options of simulate")
    with pytest.raises(SystemExit):
        read_options(["--help"])
    assert set(told) == set(re.findall(r"(?m)^  (--[a-z-]+)", capsys.readouterr().out))
    assert set(codes(told["--estimates"][0])) == {str(estimates) for estimates in Estimates}
    page = SECTIONS["Options of simulate"]
    assert [name for name in BASELINES if f"`{name}`" not in page] == []


def test_every_setting_with_its_default() -> None:
    told = {
        key: None if default == "unset" else tomllib.loads(f"value = {codes(default)[0]}")["value"]
        for key, (_, default, _) in table("Settings").items()
    }
    assert told == declared(Settings, "")


def test_every_setting_has_the_unit_that_its_name_bears_out() -> None:
    for key, (unit, *_) in table("Settings").items():
        wanted = next((unit for ending, unit in UNIT_OF_ENDING.items() if key.endswith(ending)), unit)
        assert unit == wanted, key


def test_looks_name_themes_and_terminals_that_are_known() -> None:
    told = set(codes(SECTIONS["Looks of the terminal UI"]))
    assert {HIGH_CONTRAST.name, SIXTEEN.name} <= told & set(THEMES)
    assert {f":{one}" for one in ("theme NAME", "ascii", "gpu 3")} <= told


def test_every_key_of_the_terminal_ui() -> None:
    told = [(codes(keys), codes(named), does) for keys, named, does in rows("Keys of the terminal UI")]
    assert told == [
        ([key_name(key) for key in one.keys], [f":{one.name} {one.argument}".strip()], one.help)
        for one in COMMANDS.values()
    ]


def test_every_form_of_a_listing() -> None:
    assert tuple(codes(first)[0] for first, _ in rows("Listings as data")) == FORMATS
