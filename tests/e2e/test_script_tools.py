"""What shell scripts do with rcq: a Slurm script runs as it says, rcq wait outlives the engine's end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_slurm_script_runs_as_it_says(engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any]) -> None:
    script = tmp_path / "job.sh"
    script.write_text(
        "#!/bin/bash\n#SBATCH -J night --gres=gpu:1 -c 2 --mem-per-cpu=100M -t 5 -N 1\n#SBATCH -a 3-4 -D "
        f"{tmp_path}\n#SBATCH --export=GREETING=hello -o %x.%A_%2a.out\n"
        "echo $GREETING $SLURM_ARRAY_TASK_ID $SLURM_CPUS_PER_TASK; [ -n \"$CUDA_VISIBLE_DEVICES\" ]\n"
    )  # fmt: skip
    number = int(engine.rcq(admin, "submit", "--parsable", str(script)))
    lines = engine.rcq(admin, "wait", f"{number}[]").splitlines()
    assert sorted(lines) == [f"{number} completed 0", f"{number + 1} completed 0"]
    for index in (3, 4):
        assert (tmp_path / f"night.{number}_0{index}.out").read_text() == f"hello {index} 2\n"
    said = engine.rcq(admin, "logs", str(number))
    assert said == f"rcq: this job writes to {tmp_path}/night.{number}_03.out, as its script says\n"
    job = admin.get(f"/v1/jobs/{number}")
    assert (job["name"], job["gpus"], job["cpu_cores"], job["memory_mb"], job["time_limit_s"]) == (
        "night",
        1,
        2,
        200,
        300,
    )


def test_waiting_goes_on_over_an_engine_that_is_killed(
    engine: Any, admin: Any, tmp_path: Path, until: Callable[..., Any]
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = int(engine.rcq(admin, "submit", "--", "sh", "-c", f"read x < {gate}; exit 5"))
    second = int(engine.rcq(admin, "submit", "--", "sh", "-c", "exit 0"))
    until(lambda: admin.get(f"/v1/jobs/{first}")["state"] == "running")
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    waiting = subprocess.Popen(
        [sys.executable, "-P", "-m", "rcq_tui.cli.main", "wait", str(first), str(second)],
        env={**os.environ, "RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == f"{second} completed 0\n"
    engine.end(signal.SIGKILL)
    with gate.open("w") as door:
        door.write("go\n")
    engine.start()
    assert waiting.communicate(timeout=60)[0] == f"{first} failed 5\n"
    assert waiting.returncode == 5


def test_no_job_is_missed_among_many(engine: Any, admin: Any) -> None:
    number = int(engine.rcq(admin, "submit", "--array", "0-59", "--", "sh", "-c", "exit $((RCQ_ARRAY_INDEX % 7))"))
    lines = engine.rcq(admin, "wait", f"{number}-{number + 59}", code=6).splitlines()
    assert sorted(int(line.split()[0]) for line in lines) == list(range(number, number + 60))
    assert [line.split()[2] for line in sorted(lines, key=lambda one: int(one.split()[0]))] == [
        str(index % 7) for index in range(60)
    ]
    said = engine.rcq(admin, "wait", "--any", f"{number}[3,10]", code=3)
    assert said in {f"{number + 3} failed 3\n", f"{number + 10} failed 3\n"}
