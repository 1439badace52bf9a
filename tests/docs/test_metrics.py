"""The page on metrics has every metric with its kind, labels and meaning, under those whom it is for; no other."""

import re
from pathlib import Path

from engine.daemon.metrics.catalogue import METRICS, Part

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
HEADS = {Part.BOX: "The box", Part.ENGINE: "The engine", Part.GROUPS: "Groups", Part.ACCOUNTS: "Accounts"}
ROW = re.compile(r"^\| `(rcq_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", re.MULTILINE)


def section(head: str) -> str:
    return PAGE.partition(f"\n### {head}:")[2].partition("\n### ")[0]


def test_every_metric_under_those_whom_it_is_for() -> None:
    for part, head in HEADS.items():
        told = {
            name: (kind, tuple(re.findall(r"`(\w+)`", labels)), meaning)
            for name, kind, labels, meaning in ROW.findall(section(head))
        }
        ours = {one.name: (one.kind, one.labels, one.meaning) for one in METRICS.values() if one.part is part}
        assert told == ours, head


def test_names_have_their_units_and_say_what_counts() -> None:
    for one in METRICS.values():
        assert re.fullmatch(r"rcq_[a-z0-9_]+", one.name)
        assert (one.kind == "counter") == one.name.endswith("_total")
        assert not re.search(r"_(mb|mib|ms|minutes|hours|percent|mhz|kwh)(_|$)", one.name), one.name


def test_no_metric_has_a_series_for_each_job() -> None:
    labels = {label for one in METRICS.values() for label in one.labels}
    assert not labels & {"job", "id", "job_id", "name", "command"}
    assert all("account" not in one.labels for one in METRICS.values() if one.part is not Part.ACCOUNTS)
