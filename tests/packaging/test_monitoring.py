"""Dashboard, alarm rules and scrape example ask for metrics that there are; promtool takes them, where it is."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import MetricsSettings
from engine.daemon.metrics.catalogue import METRICS
from engine.daemon.metrics.page import Page

PACKAGING = Path(__file__).parents[2] / "packaging"
DASHBOARD: dict[str, Any] = json.loads((PACKAGING / "grafana" / "rcq.json").read_text())
RULES = PACKAGING / "prometheus" / "rcq.rules.yml"
SCRAPE = PACKAGING / "prometheus" / "scrape.yml"
LABELS_BESIDE = {"instance", "job", "le"}
NAME = re.compile(r"\b(?:up|(?:rcq|process)_\w+)\b")
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")


def series() -> dict[str, set[str]]:
    """Every name that a query may have, with its labels."""
    found: dict[str, set[str]] = {}
    for one in METRICS.values():
        ends = ("_bucket", "_sum", "_count") if one.kind == "histogram" else ("",)
        found |= {one.name + end: {*one.labels, *LABELS_BESIDE} for end in ends}
    process = {sample.name for family in Page.process() for sample in family.samples}
    assert len(process) > 3
    return found | dict.fromkeys([*process, "up"], LABELS_BESIDE)


def expressions() -> Iterator[tuple[str, str]]:
    """Where each stands, and the query."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    yield from re.findall(r"- alert: (\w+)\n +expr: (.*)\n", RULES.read_text())


def test_every_query_asks_for_metrics_and_labels_that_there_are() -> None:
    known = series()
    asked = list(expressions())
    assert len(asked) > 50
    for where, query in asked:
        names = set(NAME.findall(query))
        assert names, where
        assert names <= known.keys(), where
        matched = set(re.findall(r"(\w+)=~?\"", query))
        matched |= set(re.findall(r"\w+", " ".join(re.findall(r"(?:by|on|group_left) \(([^)]*)\)", query))))
        assert matched <= set().union(*(known[name] for name in names)), where


def test_every_metric_of_cards_groups_and_passes_is_on_the_dashboard() -> None:
    shown = {name for _, query in expressions() for name in NAME.findall(query)}
    untold = {name for name in METRICS if not {name, name + "_bucket"} & shown}
    assert untold <= {
        "rcq_build_info",  # the variable of machines asks for it
        "rcq_gpu_reading_timestamp_seconds",
        "rcq_host_cpu_ratio",
        "rcq_group_share",
        *(name for name in METRICS if name.startswith("rcq_account_")),
    }


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    assert [row["title"].split()[0] for row in panels if row["type"] == "row"] == [
        "Now", "Queue", "Passes", "GPUs", "Groups", "Host", "Cluster",
    ]  # fmt: skip
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels:
        asked = panel.get("targets", ())
        assert all(one["datasource"] == panel["datasource"] for one in asked)
        if asked:
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels:
        for other in panels:
            assert panel is other or not overlap(panel["gridPos"], other["gridPos"]), (panel["title"], other["title"])


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]


def test_every_alarm_says_what_to_do() -> None:
    alarms = re.split(r"\n +- alert: ", RULES.read_text())[1:]
    assert len(alarms) > 5
    for alarm in alarms:
        assert "summary: " in alarm
        assert "action: " in alarm
        assert re.search(r"severity: (critical|warning)\n", alarm), alarm


def test_the_example_reads_where_the_settings_and_the_unit_say() -> None:
    place = re.search(r'targets: \["([^"]+)"\]', SCRAPE.read_text())
    assert place is not None
    assert MetricsSettings(listen=place[1]).place == ("127.0.0.1", 9838)
    assert f"\nListenStream={place[1]}\n" in (PACKAGING / "systemd" / "rcq-metrics.socket").read_text()
    assert f'#listen = "{place[1]}"' in (PACKAGING.parent / "config" / "rcq.toml").read_text()
    assert "job_name: rcq\n" in SCRAPE.read_text()  # as the alarm on an engine that is down has it


@promtool
@pytest.mark.parametrize("words", [("rules", RULES), ("config", SCRAPE)], ids=("rules", "scrape"))
def test_promtool_takes_it(words: tuple[str, Path]) -> None:
    ran = subprocess.run(["promtool", "check", *map(str, words)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


CASES = """
rule_files: [RULES]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="rcq", instance="box"}', values: "1x5 0x30"}
      - {series: 'rcq_healthy{instance="box"}', values: "1x5 0x30"}
      - {series: 'rcq_backend_up{instance="box", backend="slurm"}', values: "1x5 0x30"}
      - {series: 'rcq_last_pass_timestamp_seconds{instance="box"}', values: "0 60 120 180 240 300x30"}
      - {series: 'rcq_disk_bytes{instance="box"}', values: "100x35"}
      - {series: 'rcq_disk_free_bytes{instance="box"}', values: "50x5 4x30"}
      - {series: 'rcq_gpu_info{instance="box", uuid="GPU-1", index="1", model="A100", pci=""}', values: "1x35"}
      - {series: 'rcq_gpu_state{instance="box", uuid="GPU-1", state="quarantined"}', values: "0x5 1x30"}
      - {series: 'rcq_gpu_state{instance="box", uuid="GPU-1", state="missing"}', values: "0x5 1x30"}
      - {series: 'rcq_login_failures_total{instance="box", why="wrong"}', values: "0x5 0+20x30"}
      - {series: 'rcq_last_backup_timestamp_seconds{instance="box"}', values: "0x3600"}
    promql_expr_test:
"""


@promtool
def test_each_alarm_is_quiet_while_all_is_well_and_rings_when_it_is_not(tmp_path: Path) -> None:
    late = {"RcqBackupOld": "50h"}
    alarms = re.findall(r"- alert: (\w+)\n", RULES.read_text())
    rings = set(alarms) - {"RcqPassSlow"}  # what a histogram has to be for that says the query itself
    cases = CASES.replace("RULES", str(RULES))
    for alarm in rings:
        for at, count in (("4m", 0), (late.get(alarm, "20m"), 1)):
            query = f'count(ALERTS{{alertname="{alarm}", alertstate="firing"}}) or vector(0)'
            cases += (
                f"      - {{expr: '{query}', eval_time: {at}, exp_samples: [{{labels: '{{}}', value: {count}}}]}}\n"
            )
    (tmp_path / "cases.yml").write_text(cases)
    ran = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "cases.yml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
