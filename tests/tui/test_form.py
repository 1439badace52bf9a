"""The submit form without its looks: texts to fields and back, what is kept, what is offered, what is foretold."""

from dataclasses import replace

import pytest

from engine.protocol.fields import After, JobFields
from engine.protocol.responses import Preview
from rcq_tui.tui.form import choosing, scripts
from rcq_tui.tui.form.helping import writes
from rcq_tui.tui.form.kept import PAST_MOST, TEXT_MOST, Kept
from rcq_tui.tui.form.meaning import meaning
from rcq_tui.tui.form.questions import QUESTIONS
from rcq_tui.tui.form.reading import Here, read
from rcq_tui.tui.form.writing import changes, fields_of, texts_of
from rcq_tui.tui.remembered import Remembered
from rcq_tui.tui.screens.array import parts
from rcq_tui.viewmodel.foresight import preview_lines, spoken

NOW = 1_772_373_900.0
HERE = Here(NOW, {"HOME": "/home/ada"}, "/home/ada", "/home/ada/work")

FULL = JobFields(
    script="set -e\npython train.py '$x' | tee out\n", name="big", workdir="/data/run 7", gpus=2, gpu_type="a6000",
    gpu_memory_mb=20_480, gpu_share=True, cpu_cores=8, memory_mb=16_385, time_limit_s=93_784, priority=7,
    preemptible=True, args=["a b", "c"], after=[After(id=3), After(id=4, when="any")], begin=NOW + 3600.0,
    cron="30 2 * * 1-5", array="0-99%4", retries=3, environment={"A": "x y", "B": "", "C": "it's\ntwo"},
    image="org/im:1", service="fold", group="vision", tags={"k": "v w"}, gpu_power_w=200, idle_ok=True, job_id="key",
    anywhere=True,
)  # fmt: skip


def test_what_is_written_of_a_job_is_read_as_the_same_job():
    assert read(texts_of(FULL), HERE) == (FULL, {})


def test_a_command_of_words_is_written_as_bash_reads_it():
    texts = texts_of(JobFields(command=["sh", "-c", "echo $HOME; ls"]))
    assert texts["script"] == "sh -c 'echo $HOME; ls'"


def test_every_question_has_a_field_and_each_only_once():
    fields = [one.field for one in QUESTIONS]
    assert len(fields) == len(set(fields))
    assert set(fields) <= set(JobFields.__dataclass_fields__)


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("priority", "11", "1 to 10"), ("retries", "101", "0 to 100"), ("cpu_cores", "0", "1 is the least"),
        ("time_limit_s", "0", "a second"), ("after", "7[3]", "their own ids"),
        ("after", "soon", "names no jobs"), ("array", "9-0", "smaller index"), ("cron", "* *", "five fields"),
        ("environment", "NOWHERE_SET", "has no value"), ("environment", "A=1 A=2", "twice"),
        ("environment", "A='x", "quot"), ("tags", "=v", "no name"), ("begin", "soon", "no point in time"),
        ("args", "'", "quot"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_words(field, text, told):
    wrong = read({"script": "true", field: text}, HERE)[1]
    assert told in wrong.get(field, "")
    assert (field in wrong) == bool(told)


def test_paths_and_names_alone_mean_something_only_at_home():
    texts = {"script": "true", "workdir": "~/x/../y", "environment": "HOME"}
    job, wrong = read(texts, HERE)
    assert (job.workdir, job.environment, wrong) == ("/home/ada/y", {"HOME": "/home/ada"}, {})
    assert set(read(texts, Here(NOW))[1]) == {"workdir", "environment"}


def test_an_edit_sends_only_what_differs_and_nothing_for_the_default():
    edited = replace(FULL, gpus=4, gpu_type=None, priority=5, script="true", array="0-9")
    assert changes(FULL, edited) == {
        "gpus": 4, "gpu_type": None, "priority": None, "script": "true", "args": ["a b", "c"],
    }  # fmt: skip
    assert changes(FULL, FULL) == {}


def test_a_clone_leaves_out_what_names_the_first_for_good(box):
    job = replace(box.job(9), job_id="key", begin=NOW - 1, after=[{"id": 3, "when": "any"}], script="true")
    again = fields_of(job, NOW)
    assert (again.job_id, again.begin, again.after, again.script) == (None, None, [After(id=3, when="any")], "true")


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("time_limit_s", "90m", "1h30m: from now until 15:35"), ("begin", "+2h", "in 2h00m"),
        ("array", "0-99%4", "100 jobs, 4 at once: 0 to 99"), ("after", "3:any", "3 has ended"),
        ("memory_mb", "1500G", "1.5T (1536000 MiB)"), ("gpus", "2", ""), ("begin", "soon", ""),
    ],
)  # fmt: skip
def test_what_an_answer_means_stands_beside_it(field, text, told):
    said = meaning(field, text, HERE)
    assert told in said
    assert bool(said) == bool(told)


# ---------------------------------------------------------------- what is kept


def test_values_of_variables_are_kept_until_the_program_ends_and_never_written(tmp_path):
    path = tmp_path / "tui.json"
    kept = Kept(Remembered(path))
    form = {"script": "true", "environment": "TOKEN=s3cret\nSEED='4 2'", "job_id": "k"}
    kept.keep_draft("ada", form)
    kept.keep_past(form)
    kept.keep_named("daily", form)
    assert kept.draft("ada") == form
    again = Kept(Remembered(path))
    safe = {"script": "true", "environment": "TOKEN\nSEED"}
    assert (again.draft("ada"), again.draft("bob"), again.past(), again.named()) == (
        safe,
        None,
        [safe],
        {"daily": safe},
    )
    assert "s3cret" not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_the_last_forms_are_kept_each_once_and_not_for_ever():
    kept = Kept(Remembered())
    for at in [*range(PAST_MOST + 5), 10]:
        kept.keep_past({"script": f"run {at}", "workdir": f"/{at}", "name": ""})
    kept.keep_past({"script": "x" * (TEXT_MOST + 1)})
    assert len(kept.past()) == PAST_MOST
    assert [one["script"] for one in kept.past()[:2]] == ["run 10", f"run {PAST_MOST + 4}"]


def test_templates_are_removed_and_bad_ones_refused():
    kept = Kept(Remembered())
    kept.keep_named("b", {"script": "1"})
    kept.keep_named("a", {"script": "2"})
    kept.drop_named("b")
    assert list(kept.named()) == ["a"]
    with pytest.raises(ValueError, match="characters"):
        kept.keep_named("", {"script": "1"})
    with pytest.raises(ValueError, match="KiB"):
        kept.keep_named("c", {"script": "x" * (TEXT_MOST + 1)})


def test_a_damaged_file_is_a_fresh_start(tmp_path):
    (tmp_path / "forms.json").write_text(
        '{"past": [3, {"script": 7, "name": "n"}, {"gpus": "2", "zz": "x"}], "named": []}'
    )
    kept = Kept(Remembered(tmp_path / "tui.json"))
    assert kept.past() == [{"name": "n"}, {"gpus": "2"}]
    assert kept.named() == {}


# ---------------------------------------------------------------- what is offered


def test_types_of_cards_are_counted_with_what_is_free(box):
    [one] = choosing.types(box.cards())
    assert (one.text, one.note) == ("rtx a6000", "8 cards, 1 free, 48G each")


def test_own_jobs_are_offered_those_that_wait_or_run_first(box):
    found = choosing.among(choosing.jobs(box.queue(), "ada"))("resnet")
    assert [one.text for one in found] == ["156", "153", "141", "140"]


def test_folders_and_files_are_offered_as_they_are_typed(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "run.sh").write_text("#!/bin/bash\n")
    (tmp_path / ".hidden").write_text("")
    here = Here(NOW, {}, "/root", str(tmp_path))
    find = choosing.paths(here, folders_only=False)
    assert [(one.text, one.goes_on) for one in find("ru")] == [("runs/", True), ("run.sh", False)]
    assert [one.text for one in choosing.paths(here, folders_only=True)("")] == ["runs/"]
    assert find("missing/x") == []


def test_a_script_becomes_a_form_by_its_rcq_lines(tmp_path):
    path = tmp_path / "train.sh"
    path.write_text(
        "#!/bin/bash\n#RCQ --gpus 2 --time 2h30m --env SEED=1\n#RCQ --after 12:any --array 0-9%2\npython x\n"
    )
    texts, left_out = scripts.loaded(str(path))
    assert texts == {
        "script": path.read_text(), "name": "train.sh", "gpus": "2", "time_limit_s": "2h30m", "environment": "SEED=1",
        "after": "12:any", "array": "0-9%2",
    }  # fmt: skip
    assert left_out == ""
    path.write_text("#RCQ --gpus many\n")
    with pytest.raises(ValueError, match="gpus"):
        scripts.loaded(str(path))
    with pytest.raises(ValueError, match="no file"):
        scripts.loaded(str(tmp_path))


def test_slurms_lines_are_read_as_submit_reads_them(tmp_path):
    path = tmp_path / "train.sh"
    path.write_text("#SBATCH --gpus=a100:2 --mem-per-gpu=20G -o %j.out\n#RCQ --gpus 4\npython x\n")
    texts, _ = scripts.loaded(str(path))
    assert (texts["gpus"], texts["gpu_type"], texts["memory_mb"]) == ("4", "a100", "80G")
    assert 'exec >"$RCQ_JOB_ID".out 2>&1' in texts["script"]
    path.write_text("#SBATCH --gpus=1\nsrun x\n")
    assert (
        scripts.loaded(str(path))[1] == "line 2: srun is Slurm's; write the command alone, it runs on what the job has"
    )
    path.write_text("#SBATCH -p gpu\n#SBATCH --qos=low\n")
    with pytest.raises(ValueError, match=r"line 1: --partition=gpu: .*; line 2: --qos=low: "):
        scripts.loaded(str(path))


def test_an_array_is_taken_apart():
    assert parts("0-99:3%4") == ("0", "99", "3", "4")
    assert parts("nonsense") == ("0", "9", "1", "")


# ---------------------------------------------------------------- what is foretold

BUSY = {"code": "GPUS_BUSY", "wanted": 4, "free": 1, "matching": 8}
FEWER = {"start_at": NOW, "changes": [{"code": "FEWER_GPUS", "gpus": 1, "wanted": 4}]}


def lines(preview, **what):
    usable = [writes(one) is not None for one in preview.helps]
    return ["".join(text for text, _ in line) for line in preview_lines(preview, usable, NOW, **what)]


def test_when_it_would_start_why_not_now_and_what_would_help():
    preview = Preview(
        starts_now=False,
        expected_start=NOW + 2700,
        position=3,
        pending=8,
        basis="promised",
        reasons=[BUSY],
        helps=[FEWER],
    )
    assert lines(preview, ascii_only=True) == [
        "~ Would start at 14:50 (in 45m00s), number 3 of 8 that wait",
        "^l With 1 GPU instead of 4 it starts now.",
        "- Needs 4 GPUs; 1 of the 8 cards that match is free.",
    ]
    assert spoken(preview, NOW) == "It starts at 14:50 (in 45m00s)."
    assert lines(Preview(starts_now=True, expected_start=NOW, position=1, pending=1)) == ["● Would start now"]
    unknown = Preview(starts_now=False, expected_start=None, position=1, pending=1, later_than=NOW + 86_400)
    assert lines(unknown)[0].startswith("◷ Would not start before Mon 14:05")


def test_a_help_is_written_into_the_form_if_the_form_can_do_it():
    assert writes(FEWER) == {"gpus": "1"}
    both = [{"code": "SHARE_GPU", "gpu_memory_mb": 8192}, {"code": "SHORTER_LIMIT", "time_limit_s": 5400, "wanted": 9}]
    assert writes({"changes": both}) == {"gpu_share": "yes", "gpu_memory_mb": "8G", "time_limit_s": "1h30m"}
    assert writes({"changes": [{"code": "RESUME_GPU", "index": 1}]}) is None
    assert writes({"changes": [{"code": "FEWER_GPUS"}]}) is None
