"""Traces in the Standard Workload Format: what is read, what is left out, what is refused."""

import gzip
import json

import pytest

from engine.daemon.simulate import main
from engine.daemon.swf import read_swf
from engine.daemon.trace import TraceError
from tests.daemon.traces import swf, write_swf

WHOLE = swf(1, submit=100, run=60, used=4, wanted=16, limit=90, status=1, user=7, group=3, program=12)


def test_a_line_becomes_a_job(tmp_path):
    trace = read_swf(write_swf(tmp_path / "t.swf", WHOLE, max_procs=64), 8, None)
    [job] = trace.jobs
    assert (job.job, job.submit_s, job.runtime_s) == ("1", 0, 60)
    assert (job.key.shape.gpus, job.key.shape.time_limit_s) == (2, 90)
    assert (job.key.owner.account, job.key.owner.group, job.key.kind) == ("user7", "group3", "program12")


@pytest.mark.parametrize(
    ("per_gpu", "max_procs", "gpus"), [(None, 64, 2), (None, 128, 1), (4, 64, 4), (10, None, 2), (16, None, 1)]
)
def test_processors_become_gpus(tmp_path, per_gpu, max_procs, gpus):
    trace = read_swf(write_swf(tmp_path / "t.swf", WHOLE, max_procs=max_procs), 8, per_gpu)
    assert trace.jobs[0].key.shape.gpus == gpus


def test_unknown_fields_are_made_up_for(tmp_path):
    bare = swf(5, submit=0, run=30.5, used=8)
    [job] = read_swf(write_swf(tmp_path / "t.swf", bare, max_procs=8), 8, None).jobs
    assert (job.key.shape.gpus, job.key.shape.time_limit_s) == (8, 31)
    assert (job.key.owner.account, job.key.owner.group, job.key.kind) == ("user-unknown", "group-unknown", "")


def test_jobs_that_never_ran_are_skipped_and_counted(tmp_path, capsys):
    lines = (
        swf(1, submit=50, run=0, used=4, status=5),
        swf(2, submit=60, wanted=4, status=0),
        swf(3, submit=70, run=10),
        swf(4, submit=80, run=10, used=1),
    )
    path = write_swf(tmp_path / "t.swf", *lines, max_procs=8)
    assert main([str(path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["jobs"], figures["skipped"], figures["makespan_s"]) == (1, 3, 10)


def test_a_gzipped_trace_is_the_same(tmp_path):
    plain = write_swf(tmp_path / "t.swf", WHOLE, max_procs=64)
    packed = tmp_path / "t.swf.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_swf(packed, 8, None).jobs == read_swf(plain, 8, None).jobs


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("1 2 3",), r"t\.swf:3: 3 fields; .* 18"),
        ((WHOLE.replace("60", "x"),), r"t\.swf:3: .*'x'.* numbers"),
        ((WHOLE.replace("60", "inf"),), r"t\.swf:3: finite"),
        ((swf(1, submit=-5, run=1, used=1),), r"t\.swf:3: field 2"),
        ((WHOLE, WHOLE), r"t\.swf:4: job 1 stands in line 3 too"),
    ],
)
def test_a_bad_line_is_told_with_its_number(tmp_path, lines, said):
    with pytest.raises(TraceError, match=said):
        read_swf(write_swf(tmp_path / "t.swf", *lines, max_procs=64), 8, None)


def test_without_a_header_one_must_say_how_many_processors_make_a_gpu(tmp_path):
    with pytest.raises(TraceError, match="--swf-cores-per-gpu"):
        read_swf(write_swf(tmp_path / "t.swf", WHOLE), 8, None)


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"; MaxProcs: 8\n" * 1000)[:40]], ids=["no gzip", "half an archive"]
)
def test_a_broken_archive_names_the_file(tmp_path, content):
    path = tmp_path / "t.swf.gz"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=r"t\.swf\.gz.*whole SWF file"):
        read_swf(path, 8, None)
