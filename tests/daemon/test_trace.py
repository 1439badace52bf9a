"""CSV traces: what each column becomes, and what is refused."""

import pytest

from engine.daemon.trace import TraceError, read_trace
from tests.daemon.traces import job, write_csv


def read(tmp_path, *rows):
    return list(read_trace(write_csv(tmp_path / "t.csv", *rows)))


def test_every_optional_column(tmp_path):
    [found] = read(
        tmp_path,
        job(
            "a", 5, 9.5, 2, group="vision", account="ann", name="train-017", gpu_milli=250, cpu_milli=2500,
            memory_mib=64, qos="LS", preemptible="true", requested_s_synth=60,
        ),
    )  # fmt: skip
    key, shape = found.key, found.key.shape
    assert (key.owner.account, key.owner.group, key.kind, key.priority, key.preemptible) == (
        "ann", "vision", "train-#", 7, True,
    )  # fmt: skip
    assert (shape.gpus, shape.share, shape.gpu_memory_mb) == (2, True, 25_000)
    assert (shape.cpu_cores, shape.memory_mb, shape.time_limit_s) == (3, 64, 60)


def test_what_is_left_out_gets_plain_values(tmp_path):
    [found] = read(tmp_path, job("a", 5, 9.5))
    key, shape = found.key, found.key.shape
    assert (key.owner.account, key.owner.group, key.kind, key.priority, key.preemptible) == (
        "trace", "trace", "", 5, False,
    )  # fmt: skip
    assert (shape.share, shape.cpu_cores, shape.memory_mb, shape.time_limit_s) == (False, 1, 0, 10)


def test_the_group_stands_for_the_account_where_there_is_none(tmp_path):
    [found] = read(tmp_path, job("a", 0, 1, group="vision"))
    assert found.key.owner.account == "vision"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((job("a", 0, 1), job("a", 5, 1)), r"t\.csv:3: job_id 'a' stands in line 2 too"),
        ((job("a", 0, 1, preemptible="maybe"),), r"t\.csv:2: preemptible is 'maybe'; true or false"),
        ((job("a", 0, 1, gpu_milli="half"),), r"t\.csv:2: .*'half'.*numbers"),
        ((job("a", "", 1),), r"t\.csv:2: .*numbers"),
        ((job("a", -1, 1),), r"t\.csv:2: submit_s and gpus must be 0 or more"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path, rows, said):
    with pytest.raises(TraceError, match=said):
        read(tmp_path, *rows)


def test_a_row_that_is_cut_off(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("job_id,submit_s,runtime_s,gpus\na,0,5\n")
    with pytest.raises(TraceError, match=r"t\.csv:2: .*numbers"):
        list(read_trace(path))


def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path):
    with pytest.raises(TraceError) as refused:
        list(read_trace(tmp_path / "none.csv"))
    assert str(refused.value) == f"{tmp_path / 'none.csv'}: cannot be read: No such file or directory"
