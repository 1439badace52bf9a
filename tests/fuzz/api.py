"""Requests made up from the served OpenAPI document, against a real engine: `python -m tests.fuzz.api --examples N`.

Every answer has to be one that the document names: its status, its codes, its body; and what breaks the document has
to be refused. As an admin, as a user and as nobody.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.e2e.conftest import SETTINGS, Engine, Person
from tests.fuzz.bridge import bridge

ROLES = ("admin", "user", "nobody")
PEOPLE = {"root", "boss", "ann", "leaver"}
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "422", "429"]
CHECKS = {
    "negative_data_rejection": {"expected-statuses": REFUSED},
    "positive_data_acceptance": {"enabled": False},  # the document cannot say what a field means beside another one
    "use_after_free": {"enabled": False},  # what is taken back here stays to be seen
    "ensure_resource_availability": {"enabled": False},  # an account is changed, never shown alone
}


@dataclass(slots=True)
class Outcome:
    """What a run saw. statuses: answers by status; found: what was wrong, each once, with a command that shows it."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    found: dict[str, str] = field(default_factory=dict)


@contextmanager
def engine() -> Iterator[Engine]:
    """A real engine whose jobs are harmless, with an admin `boss` and a user `ann`; jobs of both are there."""
    with tempfile.TemporaryDirectory(prefix="rcq-fuzz-") as directory:
        made = Engine(Path(directory), SETTINGS)
        made.program = ("tests.fuzz.harmless",)
        try:
            made.start()
            admin = made.admin()
            admin.post("/v1/accounts", {"name": "boss", "group": "ops", "role": "admin", "password": "correct horse"})
            ann = made.someone(admin, "ann", "vision")
            made.someone(admin, "leaver", "vision")
            for person in (admin, ann):
                person.submit("true", begin=4e9)
                person.submit("true", array="0-9", begin=4e9)
            yield made
        finally:
            made.clean_up()


def run(role: str, examples: int, seed: int | None = None) -> Outcome:
    """So many made-up requests for each operation, besides those for each rule of the document."""
    outcome = Outcome()
    with engine() as running, bridge(running.socket) as address:
        document = Person(running.socket).get("/openapi.json")
        name = {"admin": "boss", "user": "ann"}.get(role)
        tokens = {} if name is None else {one: _token(running, one) for one in (name, "leaver")}
        config = _config(address, examples, tokens.get(str(name)), tokens.get("leaver"))
        schema = schemathesis.openapi.from_dict(document, config=config)
        if seed is not None:
            schema.config.seed = seed
        _guard(schema)
        for event in from_schema(schema).execute():
            _note(event, outcome)
        if (answer := Person(running.socket).ask("GET", "/healthz")).status_code != 200:
            outcome.found["healthz"] = answer.text
        if "incident" in (log := (running.root / "engine.log").read_text()):
            outcome.found["engine.log"] = log[-4000:]
    return outcome


def _token(running: Engine, name: str) -> str:
    return str(running.log_in(name).http.headers["Authorization"])


def _config(address: str, examples: int, token: str | None, leaver: str | None) -> SchemathesisConfig:
    """leaver: who sends what would end the session of all the other requests."""
    return SchemathesisConfig.from_dict({
        "base-url": address,
        "request-timeout": 20,
        "continue-on-failure": True,
        "headers": {} if token is None else {"Authorization": token},
        "operations": [] if leaver is None else [
            {"include-path": ["/v1/logout", "/v1/password"], "headers": {"Authorization": leaver}}
        ],
        "generation": {"max-examples": examples, "database": "none"},
        "checks": CHECKS,
    })  # fmt: skip


def _guard(schema: Any) -> None:
    """Keep the run from cutting off the branch that it sits on."""

    @schema.hook
    def filter_case(context: Any, case: Any) -> bool:
        return not (case.operation.path == "/v1/accounts/{name}" and case.path_parameters.get("name") in PEOPLE)


def _note(event: Any, outcome: Outcome) -> None:
    if isinstance(event, events.FatalError):
        raise event.exception
    if isinstance(event, events.NonFatalError):
        outcome.found[f"{event.label}: {event.info.title}"] = str(event.value)
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    for number, interaction in recorder.interactions.items():
        outcome.cases += 1
        outcome.operations.add(recorder.cases[number].value.operation.label)
        if interaction.response is not None:
            outcome.statuses[interaction.response.status_code] += 1
    for checks in recorder.checks.values():
        for check in checks:
            if (failed := check.failure_info) is not None:
                label = recorder.label
                told = f"{failed.failure.message}\n{failed.code_sample}"
                outcome.found.setdefault(f"{label}: {failed.failure.title}", told)


def main(argv: list[str]) -> int:
    """Run as every role and tell the figures; 1 if anything was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=100, help="made-up requests for each operation")
    options.add_argument("--seed", type=int)
    options.add_argument("--role", choices=ROLES, action="append")
    chosen = options.parse_args(argv)
    bad = 0
    for role in chosen.role or ROLES:
        outcome = run(role, chosen.examples, chosen.seed)
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(outcome.statuses.items()))
        print(f"{role}: {outcome.cases} cases on {len(outcome.operations)} operations ({statuses})", flush=True)
        for what, told in outcome.found.items():
            print(f"\n== {what}\n{told}", flush=True)
        bad += len(outcome.found)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
