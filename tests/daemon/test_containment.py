"""Jobs with an image: taken in where a program is installed that can run it, and started by that one."""

from pathlib import Path

import pytest

from config.settings import ExecutorSettings
from engine.daemon.containment import Containment
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that the engine finds in its PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


async def refused(world, **fields):
    (answer,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], **fields)])
    assert isinstance(answer, Refused)
    return answer


async def test_without_a_program_an_image_is_impossible_and_the_rest_goes_in(world, programs) -> None:
    no = await refused(world, image="ubuntu")
    assert no.code == "IMPOSSIBLE_REQUEST"
    assert [one["field"] for one in no.details] == ["image"]
    for word in ("apptainer", "podman", "docker"):
        assert word in no.message
    (checked,) = await world.jobs.check(world.ann, [JobFields(command=["true"], image="ubuntu")])
    assert checked.code == "IMPOSSIBLE_REQUEST"
    assert await world.submit()


async def test_one_that_is_installed_later_is_found_at_the_next_submission(world, programs) -> None:
    await refused(world, image="ubuntu")
    install(programs, "podman")
    number = await world.submit(image="ubuntu")
    assert (await world.jobs.show(world.ann, number)).image == "ubuntu"
    (programs / "podman").unlink()
    await refused(world, image="ubuntu")


def test_the_program_that_the_settings_name_is_the_one_that_counts(programs) -> None:
    docker = Containment(ExecutorSettings(container="docker"), cards=True)
    install(programs, "podman")
    no = docker.refusal()
    assert no is not None
    assert "docker, which executor.container names" in no.message
    install(programs, "docker")
    assert docker.refusal() is None


async def test_an_edit_is_held_to_the_same(world, programs) -> None:
    number = await world.submit()
    with pytest.raises(Refused) as no:
        await world.jobs.edit(world.ann, number, {"image": "ubuntu"})
    assert no.value.code == "IMPOSSIBLE_REQUEST"
    install(programs, "podman")
    await world.jobs.edit(world.ann, number, {"image": "ubuntu"})
    assert (await world.jobs.show(world.ann, number)).image == "ubuntu"
    await world.jobs.edit(world.ann, number, {"image": None})
    assert (await world.jobs.show(world.ann, number)).image is None


async def test_what_is_installed_when_it_starts_runs_it(world, programs) -> None:
    install(programs, "podman")
    contained, plain = await world.submit(image="ubuntu"), await world.submit()
    install(programs, "apptainer")
    await world.one_pass()
    launched = {launch.job: launch for launch in world.executor.launched}
    assert launched[str(contained)].argv[:2] == (str(programs / "apptainer"), "exec")
    assert launched[str(contained)].argv[-2:] == ("docker://ubuntu", "true")
    assert (launched[str(plain)].argv, launched[str(plain)].cleanup) == (("true",), ())


async def test_one_that_is_gone_when_it_starts_is_a_launch_error_that_says_so(world, programs) -> None:
    install(programs, "podman")
    number = await world.submit(image="ubuntu")
    (programs / "podman").unlink()
    await world.one_pass()
    shown = await world.jobs.show(world.ann, number)
    assert (shown.state, shown.cause) == ("failed", "launch-error")
    assert "ubuntu" in shown.message
    assert "ask an admin for apptainer, podman or docker" in shown.message
