"""#SBATCH lines: real heads of scripts, every option of sbatch, the page about them, and what bash makes of files."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import Engine, Result

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.scriptoptions import CannotBeDone, understood
from rcq_tui.cli.slurm import redirect, values
from rcq_tui.cli.slurm.grammar import FLAGS, KNOWN, SHORT, VALUED, read
from rcq_tui.cli.slurm.refused import ADVICE
from rcq_tui.cli.slurm.taken import AS_IT_IS, CARDS, CORES, FILES, MEMORY, TAKEN
from rcq_tui.viewmodel.units import seconds

Rcq = Callable[..., Result]
ROOT = Path(__file__).parents[2]
HEADS = sorted((ROOT / "tests" / "golden" / "slurm").glob("*.sh"))
EXPECTED = json.loads((ROOT / "tests" / "golden" / "slurm" / "expected.json").read_text())
PAGE = (ROOT / "docs" / "slurm-scripts.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"(?m)^## ", PAGE)[1:]}
OLD = {"workdir", "share"}


def outcome(text: str) -> dict[str, Any]:
    """What becomes of a script: its options and the lines that bash sees in place of others, or what is wrong."""
    try:
        found = understood(text)
    except CannotBeDone as error:
        return {"problems": list(error.problems)}
    except UsageError as error:
        return {"problems": [str(error)]}
    pairs = zip(text.split("\n"), found.text.split("\n"), strict=True)
    changed = {str(number): new for number, (old, new) in enumerate(pairs, 1) if old != new}
    return {"options": found.options, "changed": changed, "notes": found.notes}


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.stem)
def test_heads_of_real_scripts(path: Path) -> None:
    assert outcome(path.read_text()) == EXPECTED[path.stem]


def test_there_are_enough_of_them() -> None:
    assert len(HEADS) >= 20
    assert sorted(EXPECTED) == [path.stem for path in HEADS]


# ---------------------------------------------------------------- the page


def rows(section: str) -> list[list[str]]:
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    """The long names in a cell; a short one has to be that of the long one before it."""
    found: list[str] = []
    for word in re.findall(r"`(-[^` =]+)`", cell):
        if word.startswith("--"):
            found.append(word[2:])
        else:
            assert SHORT[word[1:]] == found[-1]
    return found


def test_the_page_names_every_option_of_sbatch_once() -> None:
    done = [name for row in rows("What is done") for name in names(row[0])]
    anyhow = [name for row in rows("What says what is so anyhow") for name in names(row[0])]
    refused = names(SECTIONS["What is refused"])
    assert sorted([*done, *anyhow, *refused]) == sorted(KNOWN - OLD)
    assert set(done) == {*TAKEN, *CARDS, *CORES, *MEMORY, *FILES}
    assert set(anyhow) == set(AS_IT_IS)
    assert set(ADVICE) <= set(refused)


def test_every_short_letter_on_the_page_is_told_where_its_option_is() -> None:
    told = {word for row in rows("What is done") for word in re.findall(r"`-(\w)`", row[0])}
    assert told == {letter for letter, name in SHORT.items() if name in {*TAKEN, *CARDS, *CORES, *FILES}}


@pytest.mark.parametrize("example", [row[1].strip("`") for row in rows("What is done")])
def test_every_example_of_the_page_is_understood(example: str) -> None:
    found = outcome(f"#SBATCH {example}\n#SBATCH --time=1:00:00\n" if "-t " not in example else f"#SBATCH {example}\n")
    assert "problems" not in found, found
    assert found["changed"] or len(found["options"]) > 2 or example.startswith("--open-mode") or "-t " in example


@pytest.mark.parametrize(("cell", "value"), [tuple(row) for row in rows("What says what is so anyhow")])
def test_what_is_so_anyhow_is_taken_and_everything_else_refused(cell: str, value: str) -> None:
    name, value = names(cell)[0], value.strip("`")
    assert outcome(f"#SBATCH --{name}{f'={value}' if value else ''}\n")["options"] == []
    if name in VALUED:
        [problem] = outcome(f"#SBATCH --{name}=7\n")["problems"]
        assert problem.startswith(f"line 1: --{name}=7: ")


@pytest.mark.parametrize("name", sorted(names(SECTIONS["What is refused"])))
def test_every_other_option_is_refused_by_its_name_with_what_to_do(name: str) -> None:
    written = f"--{name}" if name in FLAGS else f"--{name}=x"
    [problem] = outcome(f"#!/bin/sh\n#SBATCH {written}\n")["problems"]
    assert problem.startswith(f"line 2: {written}: ")
    assert len(problem) > len(f"line 2: {written}: ") + 10


# ---------------------------------------------------------------- how lines are read


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"], include_characters="-_"), min_size=1))
def test_what_sbatch_does_not_have_is_refused(name: str) -> None:
    if name not in KNOWN:
        options, problems = read(1, [f"--{name}"])
        assert (options, [problem.text.split()[0] for problem in problems]) == ([], [f"--{name}"])


VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text("0123456789:-,_%+apm@[]", max_size=12)


@given(st.lists(st.tuples(st.sampled_from(sorted({*TAKEN, *CARDS, *CORES, *MEMORY, *FILES, *AS_IT_IS})), VALUES)))
def test_whatever_stands_there_is_taken_or_refused_in_words(pairs: list[tuple[str, str]]) -> None:
    lines = [f"#SBATCH --{name}={shlex.quote(value)}" for name, value in pairs]
    found = outcome("\n".join(lines) + "\ntrue\n")
    assert all(re.match(r"line \d+: \S", problem) for problem in found.get("problems", ()))


@given(st.integers(1, 10**6), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_times_mean_what_slurm_means(days: int, hours: int, minutes: int, rest: int) -> None:
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    assert seconds(values.duration(f"{days}-{hours}:{minutes}:{rest}")) == whole
    assert seconds(values.duration(f"{days}-{hours}:{minutes}")) == whole - rest
    assert seconds(values.duration(f"{days}-{hours}")) == (days * 24 + hours) * 3600
    assert seconds(values.duration(f"{days}:{minutes}:{rest}")) == (days * 60 + minutes) * 60 + rest
    assert seconds(values.duration(f"{days}:{rest}")) == days * 60 + rest
    assert seconds(values.duration(str(days))) == days * 60


@pytest.mark.parametrize(
    ("slurms", "ours"),
    [
        ("now", "now"), ("now+60", "now+60s"), ("now+3days", "now+3d"), ("now + 2 weeks", "now+14d"),
        ("16:00", "16:00"), ("4:30 PM", "16:30"), ("12:05am", "00:05"), ("teatime", "16:00"), ("midnight", "00:00"),
        ("2030-01-20", "2030-01-20"), ("2030-01-20T12:34:00", "2030-01-20T12:34:00"),
        ("01/20/30", "2030-01-20"), ("012030", "2030-01-20"), ("01.20.30", "2030-01-20"),
    ],
)  # fmt: skip
def test_begin_times(slurms: str, ours: str) -> None:
    assert values.begin(slurms) == ours
    assert "problems" not in outcome(f"#SBATCH --begin='{slurms}'\n")


@pytest.mark.parametrize("wrong", ["tomorrow", "13:00pm", "soon", "now+1fortnight", "1/2/30", ""])
def test_begin_times_that_are_refused(wrong: str) -> None:
    assert outcome(f"#SBATCH --begin='{wrong}'\n")["problems"]


@pytest.mark.parametrize(
    "line",
    ["--dependency=after:7", "--dependency=singleton", "--dependency=afterok:7?afterok:8", "--dependency=7",
     "--gres=gpu:2,shard:1", "--gpus=a100:2,h100:1", "--gpus=-1", "--array=x", "--export=NIL", "--mem=4Q",
     "--mem-per-gpu=4G", "--output=%s", r"--output='\%j'", "--open-mode=truncate", "--time=1-2-3", "stray",
     "--parsable=7", "--cpus-per-task=0", "--export=A:B,="],
)  # fmt: skip
def test_values_that_mean_nothing_here_are_refused(line: str) -> None:
    [problem] = outcome(f"#SBATCH {line}\n")["problems"]
    assert problem.startswith("line 1: ")


def test_several_letters_and_values_in_every_form() -> None:
    same = outcome("#SBATCH --cpus-per-task=4 --job-name=x --quiet --verbose\n")["options"]
    for line in ("-c 4 -J x -Qv", "-c4 -Jx -Q -v", "--cpus-per-task 4 --job-name x -vQ", "-QvJx -c4"):
        assert outcome(f"#SBATCH {line}\n")["options"] == same
    assert outcome("#SBATCH--job-name=x\n")["options"] == ["--name", "x"]


def test_export_all_takes_along_what_is_set_but_nothing_of_another_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name in ("HF_HOME", "PATH", "SLURM_JOB_ID", "RCQ_TOKEN", "CUDA_VISIBLE_DEVICES", "BASH_FUNC_f%%", "PWD"):
        monkeypatch.setenv(name, "x")
    assert outcome("#SBATCH --export=ALL,SEED=7\n")["options"] == [
        "--env",
        "HF_HOME",
        "--env",
        "PATH",
        "--env",
        "SEED=7",
    ]


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("#SBATCH -J run#3   # the third", ["--name", "run#3"]),
        ("#SBATCH -J 'a # b'# # c", ["--name", "a # b#"]),
        ('#SBATCH --comment="a \\" # b" # c', ["--tag", 'comment=a " # b']),
        ("#RCQ --env COLOR=#fff #--gpus 2", ["--env", "COLOR=#fff"]),
        ("#RCQ # nothing", []),
        ("#SBATCH -t 5 # it's short", ["--time", "5m"]),
    ],
)
def test_a_comment_begins_only_where_a_word_could(line: str, options: list[str]) -> None:
    assert understood(f"{line}\ntrue\n").options == options


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("torchrun --nproc_per_node=$SLURM_NTASKS x.py\n: ${SLURM_NTASKS}", ["2 $SLURM_NTASKS"]),
        ('export MASTER=$(scontrol show hostnames "$SLURM_JOB_NODELIST")', ["2 scontrol", "2 $SLURM_JOB_NODELIST"]),
        ("cd $SLURM_SUBMIT_DIR && srun -n1 true; exec srun x", ["2 srun"]),
        ("SLURM_X=1; echo $SLURM_X ${SLURM_PROCID:-0} ${SLURM_LOCALID-0} $SLURM_ARRAY_TASK_ID", []),
        ("# srun $SLURM_NTASKS\nsrun_it; ./srun; squeue=1; echo srun sbatch", []),
        ("true\n[ -f done ] || sbatch next.sh", ["3 sbatch"]),
    ],
)
def test_what_only_slurm_has_is_told(body: str, named: list[str]) -> None:
    notes = understood(f"#SBATCH -t 5\n{body}\n").notes
    assert [" ".join(note.removeprefix("line ").replace(":", "").split()[:2]) for note in notes] == named


# ---------------------------------------------------------------- submitting


def test_the_command_line_wins_over_both_and_sizes_follow_it(
    rcq: Rcq, engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    engine.on("POST", "/v1/jobs", {"id": 7})
    (home / "s.sh").write_text("#SBATCH --gpus=2 --mem-per-gpu=20G -t 60\n#RCQ --time 30m --env A=1\ntrue\n")
    result = rcq("submit", "--parsable", "--gpus", "4", "s.sh")
    assert (result.code, result.out, result.err) == (0, "7\n", "")
    job = engine.requests[-1].json
    assert (job["gpus"], job["memory_mb"], job["time_limit_s"], job["environment"]) == (4, 81920, 1800, {"A": "1"})
    assert job["script"] == (home / "s.sh").read_text()


def test_all_lines_that_cannot_be_done_are_named_at_once(rcq: Rcq, engine: Engine, home: Path) -> None:
    path = home / "s.sh"
    path.write_text("#SBATCH -p gpu\n#SBATCH --qos=low\n#SBATCH -t 5\nsrun true\n")
    result = rcq("submit", str(path))
    assert (result.code, result.out, engine.requests) == (2, "", [])
    first, second, last = result.err.splitlines()
    assert first.startswith(f"rcq: {path}, line 1: --partition=gpu: there is one queue")
    assert second.startswith(f"rcq: {path}, line 2: --qos=low: write #RCQ --priority N")
    assert last.startswith("rcq: nothing was submitted.")
    engine.on("POST", "/v1/jobs", {"id": 7})
    result = rcq("submit", "--skip-sbatch", "partition,--qos", str(path))
    assert (result.code, result.out) == (0, "7\n")
    assert result.err == f"rcq: {path}, line 4: srun is Slurm's; write the command alone, it runs on what the job has\n"
    assert rcq("submit", "--skip-sbatch", "partitions", str(path)).code == 2


@pytest.mark.parametrize(("mark", "end"), [(b"", b"\r\n"), (b"\xef\xbb\xbf", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_what_dos_adds_is_refused_before_bash_stumbles(
    rcq: Rcq, engine: Engine, home: Path, mark: bytes, end: bytes
) -> None:
    path = home / "a b.sh"
    path.write_bytes(mark + end.join([b"#!/bin/bash", b"#SBATCH -t 5", b"echo hi", b""]))
    for line in (("submit", str(path)), ("import", "slurm", str(path))):
        result = rcq(*line)
        assert result.code in {1, 2}
        assert result.err.startswith(f"rcq: {path} has line breaks or a first mark of DOS")
    assert engine.requests == []
    advice = result.err.partition("first: ")[2]
    assert subprocess.run(["bash", "-c", advice], check=False, timeout=20).returncode == 0
    engine.on("POST", "/v1/jobs", {"id": 7})
    assert rcq("submit", str(path)).code == 0
    assert engine.requests[-1].json["script"] == "#!/bin/bash\n#SBATCH -t 5\necho hi\n"


@pytest.mark.parametrize("first", ["#!/bin/tcsh", "#!/usr/bin/env python3"])
def test_what_only_its_name_makes_a_script_for_bash_is_refused(
    rcq: Rcq, engine: Engine, home: Path, first: str
) -> None:
    path = home / "job.sh"
    for text in (f"{first}\n#SBATCH -t 5\n", f"{first}\nx\n"):
        path.write_text(text)
        result = rcq("submit", str(path))
        assert (result.code, engine.requests) == (2, [])
        assert f"rcq submit [OPTIONS] -- {path}" in result.err


def test_what_a_program_in_another_language_says_is_not_passed_over(rcq: Rcq, engine: Engine, home: Path) -> None:
    path = home / "train.py"
    path.write_text("#!/usr/bin/env python3\n#SBATCH --gpus=1\nprint()\n")
    result = rcq("submit", str(path))
    assert (result.code, engine.requests) == (2, [])
    assert "has #SBATCH lines" in result.err
    engine.on("POST", "/v1/jobs", {"id": 7})
    assert rcq("submit", "--", str(path)).code == 0


# ---------------------------------------------------------------- files


def ran(script: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """What bash does with the script as it is sent."""
    environment = {"PATH": os.environ["PATH"], "RCQ_JOB_ID": "42", "RCQ_JOB_NAME": "a b", "USER": "ada", **variables}
    given = understood(script).text
    return subprocess.run(
        ["/bin/bash", "-c", given], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_output_and_errors_go_where_the_script_says(tmp_path: Path) -> None:
    done = ran("#SBATCH -o '%x $HOME %j.out'\necho out; echo err >&2; echo $LINENO\n", tmp_path)
    assert (tmp_path / "a b $HOME 42.out").read_text() == "out\nerr\n2\n"
    assert done.stdout == f"rcq: this job writes to {tmp_path}/a b $HOME 42.out, as its script says\n"
    assert done.stderr == ""
    ran("#SBATCH -o out\n#SBATCH -e err\necho out; echo err >&2\n", tmp_path)
    assert [(tmp_path / name).read_text() for name in ("out", "err")] == ["out\n", "err\n"]
    ran("#SBATCH -o out --open-mode=append\necho more\n", tmp_path)
    ran("#SBATCH --error=/dev/null -o out --open-mode=append\necho last; echo gone >&2\n", tmp_path)
    assert (tmp_path / "out").read_text() == "out\nmore\nlast\n"
    only = ran("#SBATCH --error=only\necho out; echo err >&2", tmp_path)
    assert (only.stdout, (tmp_path / "only").read_text()) == ("out\n", "err\n")


def test_names_of_an_arrays_files(tmp_path: Path) -> None:
    ran("#SBATCH -o %A_%4a-%j-%u-%%-%t\ntrue\n", tmp_path, SLURM_ARRAY_JOB_ID="40", RCQ_ARRAY_INDEX="9")
    ran("#SBATCH -o %A_%a.%05j\ntrue\n", tmp_path, RCQ_ARRAY_INDEX="")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["40_0009-42-ada-%-0", "42_0.00042"]


def test_a_file_that_cannot_be_opened_ends_the_job(tmp_path: Path) -> None:
    done = ran("#SBATCH -o logs/out\necho went on > on\n", tmp_path)
    assert done.returncode == 1
    assert "logs/out" in done.stderr
    assert not (tmp_path / "on").exists()


@given(st.text(st.characters(exclude_characters="\0%/", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_name_is_one_word_of_bash_whatever_it_holds(name: str) -> None:
    if not name.startswith("\\"):
        assert shlex.split(redirect.word(name)) == [name]
