"""rcq import: scripts that are written anew ask for the same; what waits in a real task-spooler comes over, once."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import Engine, Request, Result, refusal, wait_until

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.migration import moving
from rcq_tui.cli.migration.scripts import rewritten
from rcq_tui.cli.request import fields
from rcq_tui.cli.scriptoptions import CannotBeDone, chosen, understood

Rcq = Callable[..., Result]
HEADS = sorted((Path(__file__).parents[1] / "golden" / "slurm").glob("*.sh"))


def asked(text: str) -> dict[str, Any]:
    return fields(chosen(understood(text).options))


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.stem)
def test_a_script_that_is_written_anew_asks_for_the_same(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    try:
        before = asked(text)
    except CannotBeDone as error:
        new = rewritten(text)
        assert new.text is not None
        assert new.left[: len(error.problems)] == error.problems
        assert new.text.count("# not in rcq: ") == len(error.problems)
        asked(new.text)
        return
    except UsageError as error:
        with pytest.raises(UsageError, match=str(error)[:20]):
            rewritten(text)
        return
    new = rewritten(text)
    assert new.text is not None
    after = asked(new.text)
    assert after.pop("begin", None) == pytest.approx(before.pop("begin", None), abs=5)
    assert (after, new.left) == (before, [])
    body = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in new.text.splitlines() if not line.startswith(("#", "echo 'rcq:"))] == body


def test_rcq_lines_win_also_afterwards() -> None:
    text = "#!/bin/sh\n#RCQ --gpus 1\n#SBATCH --gpus=4 -p gpu -o x\n#SBATCH --nodes=1\ntrue\n"
    assert rewritten(text, ["partition"]).text == (
        "#!/bin/sh\n#RCQ --gpus 4\n# SBATCH --nodes=1\n#RCQ --gpus 1\n"
        """echo 'rcq: this job writes to '"$PWD"/x', as its script says'; exec >x 2>&1 || exit\ntrue\n"""
    )


@pytest.mark.parametrize("line", ["--mem=0", "--mem=64Gi", "-c x", "--cpus-per-gpu=2", "--mem-per-gpu=2G"])
def test_a_size_that_is_not_understood_becomes_no_other(line: str) -> None:
    text = rewritten(f"#SBATCH {line}\ntrue\n").text
    assert text is not None
    assert "#RCQ" not in text
    assert "# not in rcq: --" in text


def test_files_are_written_beside_or_over_and_never_over_others(
    rcq: Rcq, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    old = "#!/bin/sh\n#SBATCH -t 5 -p gpu\ntrue\n"
    for name in ("a.sh", "b.sh"):
        (home / name).write_text(old)
    (home / "a.sh").chmod(0o750)
    (home / "b.sh").write_text("#!/bin/sh\ntrue\n")
    assert rcq("import", "slurm", "a.sh", "b.sh").code == 2
    result = rcq("import", "slurm", "a.sh", "b.sh", "-o", "new")
    assert (result.code, result.out) == (3, "a.sh: new/a.sh\n")
    assert "a.sh, line 2: --partition=gpu: there is one queue" in result.err
    assert "b.sh has no #SBATCH lines" in result.err
    assert (home / "new" / "a.sh").stat().st_mode & 0o777 == 0o750
    assert "new/a.sh is there already" in rcq("import", "slurm", "a.sh", "-o", "new").err
    assert rcq("import", "slurm", "a.sh", "--in-place", "--skip-sbatch", "partition").code == 0
    assert (home / "a.sh").read_text() == "#!/bin/sh\n#RCQ --time 5m\ntrue\n"
    assert (home / "a.sh.sbatch").read_text() == old
    assert rcq("import", "slurm", "gone.sh", "a.sh.sbatch", "-o", "third").code == 3
    assert rcq("import", "slurm", "gone.sh").code == 1
    assert rcq("import", "slurm", "a.sh.sbatch").out.startswith(
        "#!/bin/sh\n#RCQ --time 5m\n# SBATCH -t 5 -p gpu\n# not in"
    )


def test_a_disk_without_room_leaves_all_as_it_was(rcq: Rcq, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.sh").write_text("#SBATCH -t 5\ntrue\n")

    def full(path: Path, *_: object, **__: object) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", full)
        result = rcq("import", "slurm", str(home / "a.sh"), "--in-place")
    assert (result.code, "it was not written" in result.err) == (1, True)
    assert [path.name for path in home.iterdir() if "a.sh" in path.name] == ["a.sh"]
    assert rcq("import", "slurm", str(home / "a.sh"), "--in-place").code == 0


@pytest.mark.parametrize("folder", ["a.sh", "a.sh/x", "/proc/none"])
def test_a_folder_that_cannot_be_made_is_told(
    rcq: Rcq, home: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.chdir(home)
    (home / "a.sh").write_text("#SBATCH -t 5\ntrue\n")
    result = rcq("import", "slurm", "a.sh", "-o", folder)
    assert result.code == 2
    assert result.err.startswith(f"rcq: no folder can be made at {folder}: ")


# ---------------------------------------------------------------- task-spooler


@pytest.fixture
def tsp(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A task-spooler of its own whose only slot is taken."""
    if shutil.which("tsp") is None:
        pytest.skip("task-spooler is not installed")
    monkeypatch.setenv("TS_SOCKET", str(home / "ts.sock"))

    def ask(*words: str, **more: Any) -> str:
        return subprocess.run(["tsp", *words], capture_output=True, text=True, check=True, timeout=30, **more).stdout

    ask("sleep", "600")
    wait_until(lambda: "running" in ask("-s", "0"))
    yield ask
    subprocess.run(["tsp", "-k", "0"], check=False, timeout=30)
    subprocess.run(["tsp", "-K"], check=False, timeout=30)


def taking(engine: Engine) -> list[dict[str, Any]]:
    """What an engine took in, by ids from 101 on; a key that it knows is a repeat."""
    taken: list[dict[str, Any]] = []

    def take(request: Request) -> Any:
        job = request.json
        known = [101 + at for at, one in enumerate(taken) if one["job_id"] == job["job_id"]]
        if known:
            return 409, refusal("DUPLICATE_JOB", "there is such a job", [{"id": known[0]}])
        taken.append(job)
        return {"id": 100 + len(taken)}

    engine.on("POST", "/v1/jobs", take)
    return taken


def test_what_waits_in_tsp_comes_over_to_the_letter(
    rcq: Rcq, engine: Engine, home: Path, tsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = taking(engine)
    there = home / "a folder"
    there.mkdir()
    monkeypatch.setenv("VIRTUAL_ENV", "/opt/venv")
    monkeypatch.setenv("SEED", "7")
    tsp("-nE", "-L", "my lab", "-N2", "sh", "-c", "echo 'a  b'\n5 queued x", "", cwd=there)
    tsp("-d", "echo", 'x "y"', cwd=home)
    tsp("true", cwd=home)
    tsp("true", cwd=there)
    tsp("-D0", "echo", "later", cwd=home)
    monkeypatch.delenv("VIRTUAL_ENV")
    plan = rcq("import", "tsp", "--dry-run", "--gpus", "1", "--keep", "SEED")
    assert (plan.code, taken) == (3, [])
    assert f"tsp 2: echo 'x \"y\"' in {home}, after tsp 1\n" in plan.out
    assert rcq("import", "tsp", "--gpus", "1", "--keep", "SEED").code == 3
    first, second, third, fourth = taken
    assert (first["command"], first["workdir"], first["name"]) == (
        ["sh", "-c", "echo 'a  b'\n5 queued x", ""], str(there), "my lab",
    )  # fmt: skip
    assert first["environment"] == {"PATH": os.environ["PATH"], "VIRTUAL_ENV": "/opt/venv", "SEED": "7"}
    assert (first["gpus"], "after" in first, "begin" in first) == (1, False, False)
    assert (second["command"], second["after"]) == (["echo", 'x "y"'], [{"id": 101, "when": "ok"}])
    assert [third["workdir"], fourth["workdir"]] == [str(home), str(there)]
    again = rcq("import", "tsp", "--gpus", "1", "--keep", "SEED")
    assert len(taken) == 4
    assert "tsp 1: was job 101: sh -c" in again.out
    assert "tsp 1 had 2 slots" in again.err
    assert "tsp 5 stays there: it is to run if tsp 0 ends well, and that is running" in again.err
    assert tsp("-s", "1") == "queued\n"


def test_what_is_taken_out_of_tsp_begins_here_only_then(rcq: Rcq, engine: Engine, tsp: Callable[..., str]) -> None:
    taken = taking(engine)
    let_go: list[tuple[int, str]] = []
    for number in (101, 102):

        def release(request: Request, number: int = number) -> Any:
            let_go.append((number, tsp("-l")))
            assert request.json == {"begin": None}
            return {"id": number, "state": "pending"}

        engine.on("PATCH", f"/v1/jobs/{number}", release)
    tsp("true", "one")
    tsp("-d", "true", "two")
    result = rcq("import", "tsp", "--take", "--json")
    assert result.code == 0
    assert [(one["tsp"], one["id"]) for one in json.loads(result.out)["items"]] == [(1, 101), (2, 102)]
    assert all("begin" in job for job in taken)
    assert [number for number, _ in let_go] == [101, 102]
    assert not any("queued" in listed for _, listed in let_go)


def test_what_a_broken_run_left_waiting_is_let_go_by_the_next(
    rcq: Rcq, engine: Engine, tsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = taking(engine)
    for word in ("one", "two", "three"):
        tsp("true", word)
    with monkeypatch.context() as broken:
        broken.setattr(moving, "take", lambda *_: sys.exit(137))
        assert rcq("import", "tsp", "--take").code == 137
    edited = {"state": "pending", "begin": 99_999.0}
    of_an_hour = {"state": "pending", "begin": 3_600.0}
    let_go: list[str] = []

    def release(request: Request) -> Any:
        let_go.append(request.path)
        if request.path.endswith("101"):
            return 409, refusal("JOB_FINISHED", "job 101 has ended")
        return {"id": 1}

    for number, job in ((101, of_an_hour), (102, edited), (103, of_an_hour)):
        engine.on("GET", f"/v1/jobs/{number}", {"id": number, "submitted_at": 0.0, **job})
        engine.on("PATCH", f"/v1/jobs/{number}", release)
    result = rcq("import", "tsp", "--take")
    assert let_go == ["/v1/jobs/101", "/v1/jobs/103"]
    assert len(taken) == 3
    assert "rcq: job 101: job 101 has ended" in result.err
    assert "queued" not in tsp("-l")


def test_variables_that_stay_behind_are_named_but_not_told(
    rcq: Rcq, engine: Engine, tsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(engine)
    for seed in ("secret1", "secret2"):
        tsp("true", env={**os.environ, "SEED": seed, "SSH_TTY": "/dev/pts/9", "SHLVL": "7"})
    tsp("true", env={**os.environ, "FOO": "x"})
    told = "variables that jobs had in tsp and that do not come along: FOO (of 1), SEED (of 2); --keep NAME keeps one"
    plan = rcq("import", "tsp", "--dry-run")
    assert plan.err == f"rcq: {told}\n"
    assert "secret" not in plan.out
    assert "do not come" not in rcq("import", "tsp", "--keep", "SEED", "--keep", "FOO").err
    monkeypatch.setenv("FOO", "x")
    assert "FOO" not in rcq("import", "tsp", "--keep", "SEED").err


def test_what_begins_in_tsp_meanwhile_runs_there_alone(rcq: Rcq, engine: Engine, tsp: Callable[..., str]) -> None:
    taking(engine)
    tsp("sleep", "601")
    tsp("-d", "true")
    steps: list[str] = []

    def noted(request: Request) -> Any:
        steps.append(f"{request.method} {request.path}")
        return {"id": 1, "state": "held"}

    take = engine.answers["POST", "/v1/jobs"][0]

    def slow(request: Request) -> Any:
        tsp("-S", "2")
        wait_until(lambda: "running" in tsp("-s", "1"))
        return take(request)

    engine.on("POST", "/v1/jobs", slow)
    for path in ("/v1/jobs/101", "/v1/jobs/102"):
        engine.on("PATCH", path, noted)
        engine.on("DELETE", path, noted)
    engine.on("POST", "/v1/jobs/102/hold", noted)
    result = rcq("import", "tsp", "--take")
    subprocess.run(["tsp", "-k", "1"], check=False, timeout=30)
    assert result.code == 3
    assert steps == ["POST /v1/jobs/102/hold", "PATCH /v1/jobs/102", "DELETE /v1/jobs/101"]
    assert "tsp 1 stays there: it has begun in tsp and runs there" in result.err
    assert "job 102 is held: release it once tsp 1 has ended well (rcq release 102)" in result.err


def test_what_is_refused_here_stays_there(rcq: Rcq, engine: Engine, tsp: Callable[..., str]) -> None:
    engine.on("POST", "/v1/jobs", (409, refusal("QUOTA_EXCEEDED", "enough of you waits")))
    tsp("true")
    tsp("-d", "true")
    result = rcq("import", "tsp", "--take")
    assert (result.code, result.out) == (1, "")
    assert "tsp 1 stays there: enough of you waits" in result.err
    assert "tsp 2 stays there: it waits for tsp 1, which was not brought here" in result.err
    assert tsp("-s", "1") == tsp("-s", "2") == "queued\n"


def test_without_tsp_it_says_so(rcq: Rcq, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TS_SOCKET", str(home / "none.sock"))
    assert (result := rcq("import", "tsp", "--tsp", "no-such-program")).code == 1
    assert "there is no no-such-program in PATH" in result.err
    if shutil.which("tsp"):
        assert "no tsp answers on" in rcq("import", "tsp").err
