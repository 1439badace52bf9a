"""Launches in containers, as each program that runs them wants it said."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.model import GpuUuid
from engine.executor import containers
from engine.executor.containers import Ids, Runtime, Terms, contained, find
from engine.executor.environment import Person
from engine.ports import Launch
from tests.executor.conftest import lease

PERSON = Person(name="ada", home="/home/ada", shell="/bin/zsh", path="/usr/bin:/bin", language="C.UTF-8")  # noqa: S604 (a path)
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/ada",
    "SHELL": "/bin/zsh",
    "RCQ_JOB_ID": "7",
    "SECRET": "s e\nc",
    "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b",
}
DIRECTORY = Path("/state/jobs/7")


def launch(*gpus: str, **changes: object) -> Launch:
    plain = Launch(
        job="7", attempt=2, argv=("python", "train.py", "--lr", "1"), environment=dict(ENVIRONMENT),
        workdir=Path("/data/ada"), directory=DIRECTORY, time_limit_s=60.0, warn_before_s=0.0, grace_s=5.0,
        lease=lease("7", gpus=tuple(GpuUuid(gpu) for gpu in gpus)), memory_mb=2048,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


NAME = containers.name_of(launch())


def terms(**changes: object) -> Terms:
    ids = Ids(uid=1001, gid=1002, groups=(1002, 44))
    plain = Terms(image="ubuntu:24.04", own={}, person=PERSON, ids=ids, cards=True, cores=4, tasks=512)
    return replace(plain, **changes)  # type: ignore[arg-type]


def runtime(kind: str, **changes: object) -> Runtime:
    return Runtime(kind=kind, program=f"/usr/bin/{kind}", **changes)  # type: ignore[arg-type]


def after_image(argv: tuple[str, ...], image: str) -> tuple[str, ...]:
    assert argv.count(image) == 1
    return argv[argv.index(image) + 1 :]


def test_apptainer_binds_what_the_job_has_and_hands_on_its_environment() -> None:
    found = contained(launch("GPU-a", "GPU-b"), runtime("apptainer"), terms())
    assert found.argv == (
        "/usr/bin/apptainer", "exec", "--nv", "--bind=/state/jobs/7", "--bind=/data/ada", "--pwd=/data/ada",
        "docker://ubuntu:24.04", "python", "train.py", "--lr", "1",
    )  # fmt: skip
    assert (dict(found.environment), found.cleanup) == (ENVIRONMENT, ())


def test_podman_stays_in_the_job_s_own_cgroup_as_the_job_s_own_user() -> None:
    found = contained(launch("GPU-a", "GPU-b"), runtime("podman"), terms())
    assert found.argv == (
        "/usr/bin/podman", "--cgroup-manager=cgroupfs", "run", "--cgroups=disabled", "--log-driver=none",
        "--ulimit=host", "--stop-timeout=4", "--annotation=run.oci.keep_original_groups=1", "--userns=keep-id",
        "--device=nvidia.com/gpu=GPU-a", "--device=nvidia.com/gpu=GPU-b", "--rm", f"--name={NAME}", "--network=host",
        "--ipc=host", "--security-opt=no-new-privileges", "--user=1001:1002",
        "--mount=type=bind,source=/state/jobs/7,target=/state/jobs/7",
        "--mount=type=bind,source=/data/ada,target=/data/ada", "--workdir=/data/ada", "--entrypoint=",
        "--env=RCQ_JOB_ID", "--env=SECRET", "--env=CUDA_VISIBLE_DEVICES",
        "ubuntu:24.04", "python", "train.py", "--lr", "1",
    )  # fmt: skip
    assert found.cleanup[:4] == ("/bin/sh", "-c", containers.SILENT, "sh")
    assert found.cleanup[4:] == ("/usr/bin/podman", "--cgroup-manager=cgroupfs", "rm", "--force", "--ignore", NAME)
    assert dict(found.environment) == ENVIRONMENT


def test_docker_is_told_the_limits_as_its_containers_are_not_in_the_job_s_cgroup() -> None:
    found = contained(launch("GPU-a", "GPU-b", cores=(2, 3)), runtime("docker"), terms())
    assert found.argv == (
        "/usr/bin/docker", "run", "--pid=host", "--memory=2048m", "--memory-swap=2048m", "--cpus=4",
        "--cpuset-cpus=2,3", "--pids-limit=512", "--group-add=44", '--gpus="device=GPU-a,GPU-b"', "--rm",
        f"--name={NAME}", "--network=host", "--ipc=host", "--security-opt=no-new-privileges", "--user=1001:1002",
        "--mount=type=bind,source=/state/jobs/7,target=/state/jobs/7",
        "--mount=type=bind,source=/data/ada,target=/data/ada", "--workdir=/data/ada", "--entrypoint=",
        "--env=RCQ_JOB_ID", "--env=SECRET", "--env=CUDA_VISIBLE_DEVICES",
        "ubuntu:24.04", "python", "train.py", "--lr", "1",
    )  # fmt: skip
    assert found.cleanup[:4] == ("/bin/sh", "-c", containers.SILENT, "sh")
    assert found.cleanup[4:] == ("/usr/bin/docker", "rm", "--force", "--volumes", NAME)


@pytest.mark.parametrize("kind", containers.KINDS)
@pytest.mark.parametrize(("gpus", "cards"), [((), True), (("GPU-a",), False)])
def test_without_real_cards_no_card_is_asked_for(kind: str, gpus: tuple[str, ...], *, cards: bool) -> None:
    argv = contained(launch(*gpus), runtime(kind), terms(cards=cards)).argv
    assert not any(word.startswith(("--nv", "--device", "--gpus")) for word in argv)


@pytest.mark.parametrize("kind", containers.KINDS)
def test_everything_else_of_the_launch_stays(kind: str) -> None:
    before = launch("GPU-a", user="ada", devices=("/dev/nvidia0",))
    after = contained(before, runtime(kind), terms())
    assert replace(after, argv=before.argv, environment=before.environment, cleanup=()) == before


@pytest.mark.parametrize("kind", containers.KINDS)
def test_no_value_of_the_environment_is_seen_among_the_arguments(kind: str) -> None:
    found = contained(launch(environment={"TOKEN": "hush"}), runtime(kind), terms(own={"TOKEN": "hush"}))
    assert found.environment["TOKEN"] == "hush"
    assert not any("hush" in word for word in found.argv)


OWN = {"PATH": "/opt/venv/bin", "LD_PRELOAD": "/x.so", "A": "1"}


@pytest.mark.parametrize("kind", ["podman", "docker"])
def test_a_search_path_of_the_job_s_own_is_the_container_s_and_not_its_program_s(kind: str) -> None:
    found = contained(launch(environment=ENVIRONMENT | OWN), runtime(kind), terms(own=OWN))
    assert {"--env=PATH=/opt/venv/bin", "--env=LD_PRELOAD=/x.so", "--env=A"} <= set(found.argv)
    assert (found.environment["PATH"], found.environment["A"]) == (PERSON.path, "1")
    assert "LD_PRELOAD" not in found.environment


def test_the_same_for_apptainer() -> None:
    found = contained(launch(environment=ENVIRONMENT | OWN), runtime("apptainer"), terms(own=OWN))
    assert found.environment["PATH"] == PERSON.path
    assert found.environment["APPTAINERENV_PATH"] == "/opt/venv/bin"
    assert found.environment["APPTAINERENV_LD_PRELOAD"] == "/x.so"
    assert "LD_PRELOAD" not in found.environment


def test_root_needs_no_user_namespace_to_be_itself() -> None:
    argv = contained(launch(), runtime("podman"), terms(ids=Ids(uid=0, gid=0))).argv
    assert "--user=0:0" in argv
    assert not any(word.startswith("--userns") for word in argv)


def test_podman_gets_an_init_where_there_is_one() -> None:
    argv = contained(launch(), runtime("podman", init="/usr/bin/catatonit"), terms()).argv
    assert {"--init", "--init-path=/usr/bin/catatonit"} <= set(argv)


def test_without_a_limit_of_memory_docker_is_told_none() -> None:
    argv = contained(launch(memory_mb=0), runtime("docker"), terms()).argv
    assert not any(word.startswith("--memory") for word in argv)


@pytest.mark.parametrize(
    ("image", "for_apptainer", "for_others"),
    [
        ("ubuntu", "docker://ubuntu", "ubuntu"),
        ("docker://nvcr.io/x:1", "docker://nvcr.io/x:1", "nvcr.io/x:1"),
        ("library://a/b", "library://a/b", "library://a/b"),
        ("/data/my image.sif", "/data/my image.sif", "/data/my image.sif"),
        ("./x", "./x", "./x"),
        ("x.sif", "x.sif", "x.sif"),
    ],
)
def test_names_of_images(image: str, for_apptainer: str, for_others: str) -> None:
    for kind, wanted in (("apptainer", for_apptainer), ("podman", for_others), ("docker", for_others)):
        argv = contained(launch(), runtime(kind), terms(image=image)).argv
        assert after_image(argv, wanted) == ("python", "train.py", "--lr", "1")


@pytest.mark.parametrize("kind", containers.KINDS)
def test_an_image_is_never_an_option(kind: str) -> None:
    with pytest.raises(ValueError, match="dash"):
        contained(launch(), runtime(kind), terms(image="--privileged"))


@pytest.mark.parametrize("kind", containers.KINDS)
@pytest.mark.parametrize("workdir", ["/data:/etc", "/a,readonly", '/a"'])
def test_a_path_that_would_mean_more_than_itself_is_not_mounted(kind: str, workdir: str) -> None:
    with pytest.raises(ValueError, match="cannot be given to a container"):
        contained(launch(workdir=Path(workdir)), runtime(kind), terms())


def test_a_job_that_runs_in_its_own_directory_has_it_mounted_once() -> None:
    argv = contained(launch(workdir=DIRECTORY / "sub"), runtime("apptainer"), terms()).argv
    assert [word for word in argv if word.startswith("--bind")] == ["--bind=/state/jobs/7"]


def test_a_container_s_name_tells_job_and_attempt() -> None:
    assert NAME.startswith("rcq-job-7-2-")


def test_two_engines_on_one_docker_never_mean_the_same_container() -> None:
    ours, theirs = launch(), launch(directory=Path("/elsewhere/jobs/7"))
    assert containers.name_of(ours) != containers.name_of(theirs)
    assert containers.name_of(ours) == containers.name_of(launch())


def program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_first_program_in_the_order_of_preference_is_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    search = f"{first}:{second}"
    assert find("auto", search) is None
    docker = program(first, "docker")
    assert find("auto", search) == Runtime(kind="docker", program=str(docker))
    podman = program(second, "podman")
    assert (found := find("auto", search)) is not None
    assert (found.kind, found.program) == ("podman", str(podman))
    apptainer = program(second, "apptainer")
    assert find("auto", search) == Runtime(kind="apptainer", program=str(apptainer))
    assert find("docker", search) == Runtime(kind="docker", program=str(docker))
    (first / "docker").unlink()
    assert find("docker", search) is None
