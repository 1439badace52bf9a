"""What the verbs that people type all day load: their time is mostly the time to load it.

Each module here costs every `rcq submit`, `queue` or `show` a quarter of a millisecond and more. `python -X importtime`
tells what a new one costs; import it inside the function that needs it.
"""

import json
import subprocess
import sys

import pytest
from scripted_engine import Engine, detail, job

FLOOR = "import contextlib, functools, json, re, socket, typing, warnings"
"""The standard library that every command may have, with all that it loads."""
MORE = {"struct", "_struct", "importlib", "importlib._bootstrap", "importlib._bootstrap_external"}
"""And beyond that: for the timeout of a connection, and to load the verb."""
EVERY = {
    "config", "config.homes", "engine", "engine.protocol", "engine.protocol.errors", "rcq_tui", "rcq_tui.cli",
    "rcq_tui.cli.call", "rcq_tui.cli.everyday", "rcq_tui.cli.failures", "rcq_tui.cli.main", "rcq_tui.cli.options",
    "rcq_tui.cli.verbs", "rcq_tui.client", "rcq_tui.client.answer", "rcq_tui.client.token", "rcq_tui.client.where",
    "rcq_tui.client.wire",
}  # fmt: skip
WORDS = {
    "engine.protocol.arrays", "rcq_tui.cli.ids", "rcq_tui.cli.pages", "rcq_tui.cli.rows", "rcq_tui.cli.targets",
    "rcq_tui.viewmodel", "rcq_tui.viewmodel.arrays", "rcq_tui.viewmodel.faults", "rcq_tui.viewmodel.formats",
    "rcq_tui.viewmodel.notices", "rcq_tui.viewmodel.slurmwords", "rcq_tui.viewmodel.states", "rcq_tui.viewmodel.text",
    "rcq_tui.viewmodel.words",
    "unicodedata",
}  # fmt: skip
"""For what strangers wrote, made harmless and into words."""
OF_VERB = {
    "submit": {"rcq_tui.cli.filenames", "rcq_tui.cli.request", "rcq_tui.cli.submit", "rcq_tui.cli.values"},
    "queue": WORDS | {"engine.protocol.listings", "rcq_tui.cli.columns", "rcq_tui.cli.exports", "rcq_tui.cli.queue"},
    "show": WORDS | {"rcq_tui.cli.show", "rcq_tui.viewmodel.files", "rcq_tui.viewmodel.measures"},
}


def loaded(code: str) -> set[str]:
    """The modules of an interpreter after it ran this."""
    told = f"{code}\nimport sys; sys.stderr.write('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, timeout=20, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("line", ["submit --gpus 2 true", "queue --mine", "show 7"])
def test_an_everyday_verb_loads_what_it_has_to(engine: Engine, line: str) -> None:
    engine.on("POST", "/v1/jobs", (201, {"id": 7, "count": 1, "last_id": 7}))
    engine.on("GET", "/v1/jobs", {"items": [job()], "cursor": None})
    engine.on("GET", "/v1/jobs/7", detail(id=7))
    words = line.split()
    found = loaded(f"from rcq_tui.cli.main import main\nassert main({json.dumps(words)}) == 0") - loaded(FLOOR)
    assert found - MORE == EVERY | OF_VERB[words[0]]
    assert engine.requests
