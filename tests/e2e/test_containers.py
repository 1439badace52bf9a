"""Jobs in container images: through a stand-in for each program that runs them, and in real containers of podman.

The stand-in notes how it was called and runs the command on the host.
"""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.e2e.conftest import SETTINGS

pytestmark = pytest.mark.e2e

IMAGE = "registry.example/team/train:1"
STAND_IN = """#!{python}
import json, os, sys
with open({notes!r}, "a") as notes:
    json.dump({{"argv": sys.argv[1:], "token": os.environ.get("TOKEN")}}, notes)
    notes.write("\\n")
image = next((at for at, word in enumerate(sys.argv) if word.endswith({image!r})), None)
if image is not None:
    os.execvp(sys.argv[image + 1], sys.argv[image + 1 :])
"""


class StandIns:
    """Programs named as those that run containers, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.notes = folder / "notes"

    def install(self, kind: str) -> None:
        file = self.folder / kind
        file.write_text(STAND_IN.format(python=sys.executable, notes=str(self.notes), image=IMAGE))
        file.chmod(0o755)

    def calls(self) -> list[dict[str, object]]:
        text = self.notes.read_text() if self.notes.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        """Found before what the machine may have."""
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}


@pytest.fixture
def stand_ins(tmp_path):
    return StandIns(tmp_path / "programs")


def named(kind):
    return SETTINGS + f'container = "{kind}"\n'


@pytest.mark.parametrize("kind", ["apptainer", "podman", "docker"])
def test_a_script_runs_in_its_image_with_all_that_a_job_has(launch, stand_ins, tmp_path, kind):
    stand_ins.install(kind)
    engine = launch(named(kind), stand_ins.environment)
    ann = engine.someone(engine.admin(), "ann", "bio")
    script = tmp_path / "train.sh"
    script.write_text(
        f"#!/bin/bash\n#RCQ --image {IMAGE} --gpus 1 --memory 512M --cores 2\n"
        'echo "$RCQ_JOB_ID $1 $TOKEN $CUDA_VISIBLE_DEVICES $PWD"; echo oh >&2; exit 7\n'
    )
    number = int(engine.rcq(ann, "submit", "--env", "TOKEN=hush", "--workdir", str(tmp_path), str(script), "x"))
    ended = ann.ended(number)
    assert (ended["state"], ended["exit_code"], ended["image"]) == ("failed", 7, IMAGE)
    uuid = ended["gpu_uuids"][0]
    assert ann.log(number) == f"{number} x hush {uuid} {tmp_path}\n"
    assert ann.log(number, "stderr") == "oh\n"
    assert ["image", IMAGE] in [line.split() for line in engine.rcq(ann, "show", str(number)).splitlines()]
    ran, *rest = stand_ins.calls()
    directory = ended["directory"]
    assert ran["token"] == "hush"
    assert not any("hush" in word for word in ran["argv"])
    assert ran["argv"][-3:] == ["/bin/bash", f"{directory}/script", "x"]
    mounted = [word for word in ran["argv"] if word.startswith(("--bind", "--mount"))]
    assert [directory in word for word in mounted] == [True, False]
    assert str(tmp_path) in mounted[1]
    if kind == "docker":
        assert {"--memory=512m", "--cpus=2"} <= set(ran["argv"])
    name = next((word.removeprefix("--name=") for word in ran["argv"] if word.startswith("--name=")), None)
    assert [call["argv"][-1] for call in rest] == ([] if kind == "apptainer" else [name])
    assert [("rm" in call["argv"], "--force" in call["argv"]) for call in rest] == [(True, True)] * len(rest)


def test_what_is_cancelled_gets_its_signal_and_is_cleaned_up_after(launch, until, stand_ins):
    stand_ins.install("podman")
    engine = launch(named("podman"), stand_ins.environment)
    ann = engine.someone(engine.admin(), "ann", "bio")
    number = ann.script("trap 'echo saved; exit 0' TERM; echo ready; sleep 60 & wait", image=IMAGE)
    until(lambda: "ready" in ann.log(number))
    ann.ask("DELETE", f"/v1/jobs/{number}")
    assert ann.ended(number)["state"] == "cancelled"
    assert ann.log(number) == "ready\nsaved\n"
    assert [call["argv"][1] for call in stand_ins.calls()] == ["run", "rm"]


def test_every_way_in_knows_images(launch, stand_ins, tmp_path):
    stand_ins.install("apptainer")
    engine = launch(named("auto"), stand_ins.environment)
    ann = engine.someone(engine.admin(), "ann", "bio")
    lines = tmp_path / "jobs.ndjson"
    lines.write_text(json.dumps({"command": ["true"], "image": IMAGE}) + "\n" + json.dumps({"command": ["true"]}))
    table = tmp_path / "jobs.csv"
    cells = io.StringIO()
    csv.writer(cells).writerows([["command", "image"], ['["true"]', IMAGE], ['["true"]', ""]])
    table.write_text(cells.getvalue())
    for file in (lines, table):
        engine.rcq(ann, "ingest", str(file))
    assert [ann.ended(number)["state"] for number in (1, 2, 3, 4)] == ["completed"] * 4
    assert [ann.job(number)["image"] for number in (1, 2, 3, 4)] == [IMAGE, None, IMAGE, None]
    assert len(stand_ins.calls()) == 2
    later = ann.submit("true", begin=4e9)
    engine.rcq(ann, "edit", str(later), "--image", IMAGE)
    assert ann.job(later)["image"] == IMAGE


def test_where_nothing_can_run_an_image_that_is_said_at_once(launch, stand_ins):
    engine = launch(named("apptainer"), {"PATH": f"{stand_ins.folder}:/usr/bin:/bin"})
    ann = engine.someone(engine.admin(), "ann", "bio")
    if shutil.which("apptainer", path="/usr/bin:/bin"):
        pytest.skip("this machine has apptainer")
    engine.rcq(ann, "submit", "--image", IMAGE, "true", code=1)
    error = ann.ask("POST", "/v1/jobs", json={"command": ["true"], "image": IMAGE}).json()["error"]
    assert (error["code"], error["details"][0]["field"]) == ("IMPOSSIBLE_REQUEST", "image")
    assert "apptainer, which executor.container names, is not installed here" in error["message"]
    assert ann.ended(ann.submit("true"))["state"] == "completed"


# ---------------------------------------------------------------- podman itself

LOCAL = "localhost/rcq-test:1"
PROGRAMS = ("bash", "sh", "id", "cat", "sleep", "env")
WRAPPED = """#!/bin/sh
export CONTAINERS_CONF={folder}/containers.conf
exec unshare --mount sh -c '
mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup &&
exec {podman} --root {folder}/storage --runroot {folder}/run --storage-driver vfs "$@"' podman "$@"
"""


class Podman:
    """The real one on a storage of its own, with a view of cgroups that its OCI runtime takes on every kernel."""

    def __init__(self, folder: Path, program: str) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "containers.conf").write_text("[containers]\ndefault_ulimits = []\n")
        self.program = folder / "podman"
        self.program.write_text(WRAPPED.format(folder=folder, podman=program))
        self.program.chmod(0o755)

    def __call__(self, *words: str) -> str:
        done = subprocess.run([self.program, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def build(self) -> None:
        """An image out of programs of this machine and the libraries that they load."""
        root = self.folder / "files"
        for name in PROGRAMS:
            program = Path(shutil.which(name, path="/usr/bin:/bin") or "")
            loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
            for file in (program, *(Path(word) for word in loaded if word.startswith("/"))):
                place = root / "bin" / name if file == program else root / file.relative_to("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place)
        (root / "tmp").mkdir()
        (root / "only-here").write_text("of the image\n")
        subprocess.run(["tar", "-C", root, "-cf", self.folder / "image.tar", "."], check=True)
        self("import", str(self.folder / "image.tar"), LOCAL)


@pytest.fixture
def podman():
    program = shutil.which("podman", path="/usr/bin:/bin:/usr/local/bin")
    if program is None:
        pytest.skip("podman is not installed")
    with tempfile.TemporaryDirectory(prefix="rcq") as folder:  # podman wants a short path
        made = Podman(Path(folder) / "podman", program)
        made.build()
        yield made


@pytest.mark.slow
@pytest.mark.root
def test_a_real_container(launch, until, podman, tmp_path):
    engine = launch(named("podman"), {"PATH": f"{podman.folder}:{os.environ['PATH']}"})
    ann = engine.someone(engine.admin(), "ann", "bio")
    work = tmp_path / "work here"
    work.mkdir()

    # the image's files, the job's folders, user, environment, exit code
    script = 'cat /only-here; echo "$RCQ_JOB_ID|$1|$NOTE|$PATH"; id -u; echo made > made; echo oh >&2; exit 7'
    own = {"image": LOCAL, "workdir": str(work), "environment": {"NOTE": "a\nb"}, "args": ["x y"]}
    ended = ann.ended(number := ann.script(script, **own))
    assert (ended["state"], ended["exit_code"], ended["message"]) == ("failed", 7, None)
    first, told, *rest = ann.log(number).splitlines()
    assert (first, told) == ("of the image", f"{number}|x y|a")
    assert rest[0].startswith("b|/usr/local/sbin")
    assert rest[1] == str(os.getuid())
    assert (work / "made").read_text() == "made\n"
    assert ann.log(number, "stderr") == "oh\n"

    # standard input is closed, the host's other files are not there, a missing image is said by podman
    assert ann.ended(ann.submit("cat", image=LOCAL))["state"] == "completed"
    assert ann.ended(ann.submit("cat", str(engine.config), image=LOCAL))["state"] == "failed"
    gone = ann.ended(ann.submit("true", image="localhost/not/there:1"))
    assert (gone["state"], gone["cause"]) == ("failed", "exit")
    assert "not/there" in ann.log(gone["id"], "stderr")

    # a handler of SIGTERM runs; one that is deaf to it is killed, and so is what it left behind
    polite = ann.script("trap 'echo saved; exit 0' TERM; echo ready; sleep 300 & wait", image=LOCAL)
    deaf = ann.script("trap '' TERM; (sleep 300 &); echo ready; sleep 300; sleep 300", image=LOCAL)
    for job in (polite, deaf):
        until(lambda job=job: "ready" in ann.log(job))
        ann.ask("DELETE", f"/v1/jobs/{job}")
    assert [ann.ended(job)["state"] for job in (polite, deaf)] == ["cancelled", "cancelled"]
    assert ann.log(polite) == "ready\nsaved\n"
    until(lambda: podman("ps", "--all", "--quiet") == "")

    # the shepherd is killed: nothing of the container stays
    orphan = ann.script("echo ready; sleep 300", image=LOCAL)
    until(lambda: "ready" in ann.log(orphan))
    record = json.loads((engine.state / "jobs" / str(orphan) / "run-1.json").read_text())
    os.kill(record["shepherd"], signal.SIGKILL)
    assert ann.ended(orphan)["signal"] == 9
    until(lambda: podman("ps", "--all", "--quiet") == "")
