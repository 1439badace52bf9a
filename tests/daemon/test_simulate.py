"""`rcq simulate` as its user sees it: figures, schedule file, errors."""

import csv
import inspect
import json
import re

import pytest

from engine.daemon import trace as trace_reader
from engine.daemon.policies import NAMES
from engine.daemon.simulate import main
from tests.daemon.traces import job, swf, write_csv, write_swf

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


def told(capsys, *argv):
    assert main([*map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def contended(tmp_path):
    """Two cards. w wants both and waits; l is long and narrow, s short and narrow; estimates are the limits."""
    return write_csv(
        tmp_path / "contended.csv",
        job("r", 0, 100, requested_s_synth=100),
        job("w", 1, 100, 2, requested_s_synth=100),
        job("l", 2, 150, requested_s_synth=150),
        job("s", 3, 50, requested_s_synth=50),
    )


def test_policies_side_by_side_in_one_document(contended, capsys):
    found = told(
        capsys, contended, "--gpus", 2, "--policy", "fcfs,greedy,easy", "--against", "greedy", "--estimates", "limit"
    )
    waits = {item["policy"]: item["wait_mean_s"] for item in found["items"]}
    assert waits == {
        "fcfs": pytest.approx((0 + 99 + 198 + 197) / 4),
        "greedy": pytest.approx((0 + 151 + 0 + 97) / 4),
        "easy": pytest.approx((0 + 99 + 198 + 0) / 4),
    }
    ratios = {item["policy"]: item["ratios"]["wide_wait_max_s"] for item in found["items"]}
    assert ratios == {"fcfs": None, "greedy": None, "easy": None}  # no job is wide here
    assert found["items"][1]["ratios"]["wait_mean_s"] == 1
    assert found["against"] == "greedy"


def test_all_policies_in_one_table(contended, capsys):
    assert main([str(contended), "--gpus", "2", "--policies", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3 : 3 + len(NAMES)]] == list(NAMES)
    assert lines[3 + len(NAMES)] == f"ratios (×) are to {NAMES[0]}"


def test_one_policy_keeps_its_keys_and_has_them_as_an_item_too(contended, capsys):
    found = told(capsys, contended, "--gpus", 2, "--policy", "easy")
    [item] = found["items"]
    assert found["policy"] == item["policy"] == "easy"
    assert found["wait_mean_s"] == item["wait_mean_s"]


def test_what_is_known_of_run_times_decides(tmp_path, capsys):
    """s asks for much more than it needs: by its limit it may not pass w, by its real run time it may."""
    path = write_csv(
        tmp_path / "t.csv",
        job("r", 0, 100, requested_s_synth=100),
        job("w", 1, 100, 2, requested_s_synth=100),
        job("s", 3, 50, requested_s_synth=500),
    )
    waits = {
        how: told(capsys, path, "--gpus", 2, "--policy", "easy", "--estimates", how)["wait_mean_s"]
        for how in ("limit", "actual")
    }
    assert waits == {"limit": pytest.approx((99 + 197) / 3, abs=1e-3), "actual": pytest.approx(99 / 3)}


def test_last2_is_the_mean_of_the_groups_last_two_runs(tmp_path, capsys):
    """g has run 40 and 60 s: its next job x is taken to need 50 s, and passes w, which can start 60 s later."""
    path = write_csv(
        tmp_path / "t.csv",
        job("a", 0, 40, group="g", requested_s_synth=9000),
        job("b", 0, 60, group="g", requested_s_synth=9000),
        job("r", 100, 60, group="h", requested_s_synth=60),
        job("w", 100, 10, 2, group="h", requested_s_synth=10),
        job("x", 100, 45, group="g", requested_s_synth=9000),
    )
    limit, last2 = (
        told(capsys, path, "--gpus", 2, "--policy", "easy", "--estimates", how) for how in ("limit", "last2")
    )
    assert limit["wait_max_s"] == 70
    assert (last2["wait_max_s"], last2["wait_mean_s"]) == (60, 12)


def test_by_default_history_tells_as_it_tells_the_engine(tmp_path, capsys):
    """g's jobs needed 40, 50 and 300 s of 9000: by the median x passes w, by the longest run it does not."""
    path = write_csv(
        tmp_path / "t.csv",
        *(
            job(name, 0, run_s, group="g", requested_s_synth=9000)
            for name, run_s in zip("abc", (40, 50, 300), strict=True)
        ),
        job("r", 400, 60, group="h", requested_s_synth=60),
        job("w", 400, 10, 2, group="h", requested_s_synth=10),
        job("x", 400, 45, group="g", requested_s_synth=9000),
    )
    cautious = tmp_path / "rcq.toml"
    cautious.write_text("[scheduling]\nestimate_quantile = 1.0\n")
    by_default, history, longest, limit = (
        told(capsys, path, "--gpus", 2, "--policy", "easy", *more)
        for more in ((), ("--estimates", "history"), ("--config", cautious), ("--estimates", "limit"))
    )
    assert by_default == history
    assert by_default["estimates"] == "history"
    assert by_default["wait_max_s"] == 60
    assert longest["wait_max_s"] == limit["wait_max_s"] > 60


def test_terms_of_a_file_bind(contended, tmp_path, capsys):
    terms = tmp_path / "terms.toml"
    terms.write_text('[[groups]]\nname = "trace"\nquota = { jobs = 1 }\n')
    free, bound = (told(capsys, contended, "--gpus", 8, *more) for more in ((), ("--groups", terms)))
    # one after the other: r, then w (two cards at once), s (short), l
    assert (free["wait_max_s"], bound["wait_max_s"]) == (0, pytest.approx(100 + 100 + 50 - 2, abs=2))


def test_a_cut_a_shift_and_a_load_change_the_trace(tmp_path, capsys):
    path = write_csv(tmp_path / "t.csv", *(job(f"j{at}", at * 10, 5) for at in range(200)))
    assert 70 < told(capsys, path, "--cut", "1/2@a")["jobs"] < 130
    assert told(capsys, path, "--load", 0.5, "--gpus", 2)["utilization"] == pytest.approx(0.5, abs=0.01)
    assert told(capsys, path, "--shift", "1/2")["jobs"] == 200


def test_a_swf_trace_by_its_suffix(tmp_path, capsys):
    path = write_swf(tmp_path / "t.swf", swf(1, submit=5, run=9, used=32), max_procs=64)
    assert told(capsys, path, "--policy", "fcfs", "--gpus", 4)["makespan_s"] == 9


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "name a trace to replay, or give --whatif"),
        (["t.csv", "--whatif"], "name a trace to replay, or give --whatif"),
        (["t.csv", "--database", "x.db"], "give --whatif too"),
        (["--whatif", "--cut", "1/2"], "go with a trace"),
        (["--whatif", "--groups", "x.toml"], "--groups goes with a trace"),
        (["t.csv", "--policy", "fcfs,greedy", "--schedule", "x.csv"], "name one policy"),
        (["t.csv", "--policy", "best"], "no policy 'best'; there are fair-share, aging"),
        (["t.csv", "--cut", "half"], "1/3 or 1/3@2 is meant"),
        (["t.csv", "--shift", "1/1"], "a part below 1"),
        (["t.csv", "--load", "0"], "above 0"),
        (["t.csv", "--estimates", "guess"], "guess"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(argv, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--against", "greedy"], "--against greedy: it is not among the policies"),
        (["--swf-cores-per-gpu", "4"], "is for .swf"),
        (["--cut", "1/1000000000"], "no job is left"),
        (["--groups", "none.toml"], "none.toml"),
        (["--config", "none.toml"], "none.toml"),
    ],
)
def test_what_is_found_wrong_later_is_told_too(contended, argv, said, capsys):
    assert main([str(contended), *argv]) == 1
    assert said in capsys.readouterr().err


def test_jobs_that_may_never_start_are_counted(tmp_path, capsys):
    path = write_csv(tmp_path / "t.csv", job("a", 0, 5, 2, group="g"), job("b", 0, 5, 1, group="g"))
    terms = tmp_path / "terms.toml"
    terms.write_text('[[groups]]\nname = "g"\nquota = { gpus = 1 }\n')
    found = told(capsys, path, "--groups", terms, "--policy", "fair-share,greedy")
    assert [item["never_started"] for item in found["items"]] == [1, 0]
    assert main([str(path), "--groups", str(terms), "--policy", "fair-share,greedy"]) == 0
    assert "fair-share: 1 jobs could never start" in capsys.readouterr().out
    terms.write_text('[[groups]]\nname = "g"\nquota = { jobs = 0 }\n')
    assert main([str(path), "--groups", str(terms)]) == 1
    assert "under fair-share no job may ever start. Look at the quotas" in capsys.readouterr().err
