"""`rcq simulate` as its user sees it: figures, schedule file, errors."""

import csv
import inspect
import json
import re

import pytest

from engine.daemon import trace as trace_reader
from engine.daemon.simulate import main

TRACE = """job_id,submit_s,runtime_s,gpus,group,requested_s_synth
a,0,100,2,vision,200
b,10,50,1,vision,60
c,20,30,1,language,60
huge,25,5,16,language,60
"""


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def test_json_figures_and_schedule(trace, tmp_path, capsys):
    out = tmp_path / "schedule.csv"
    assert main([str(trace), "--gpus", "2", "--policy", "aging", "--json", "--schedule", str(out)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["jobs"], figures["refused"], figures["policy"]) == (3, 1, "aging")
    assert figures["wait_mean_s"] == pytest.approx((0 + 90 + 80) / 3, abs=1e-3)
    with out.open() as file:
        rows = {row["job_id"]: (row["start_s"], row["end_s"]) for row in csv.DictReader(file)}
    assert rows == {"a": ("0", "100"), "b": ("100", "150"), "c": ("100", "130")}


def test_help_names_every_column_that_is_read(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    read = re.findall(r'row(?:\.get\(|\[)"(\w+)"', inspect.getsource(trace_reader))
    assert set(read) == {*trace_reader.REQUIRED, *trace_reader.OPTIONAL}
    assert all(name in told for name in read)


def test_a_table_without_json(trace, capsys):
    assert main([str(trace), "--gpus", "2"]) == 0
    assert "wait_mean_s" in capsys.readouterr().out


def test_the_policy_of_a_settings_file(trace, tmp_path, capsys):
    config = tmp_path / "rcq.toml"
    config.write_text('[scheduling]\npolicy = "aging"\n')
    assert main([str(trace), "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"] == "aging"


def test_errors_name_the_file(tmp_path, capsys):
    assert main([str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err


def test_a_trace_that_the_box_cannot_hold(tmp_path, capsys):
    path = tmp_path / "trace.csv"
    path.write_text("job_id,submit_s,runtime_s,gpus\na,0,5,9\n")
    assert main([str(path), "--gpus", "8"]) == 1
    assert "fits this box" in capsys.readouterr().err
