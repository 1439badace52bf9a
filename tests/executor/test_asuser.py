"""Slurm's commands run as a job's owner, with a plain shell in place of the launcher."""

import asyncio
import subprocess
from collections.abc import Sequence
from typing import Any, cast

import pytest

from engine.executor.launcherlink import LauncherRefused, LauncherUnreachable, Told
from engine.executor.slurm import asuser
from engine.executor.slurm.asuser import UserRunner
from engine.executor.usertask import UserTasks
from engine.slurm.commands import Finished
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.privacy import HOLDS_S

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "it's"}


class Launcher:
    """Runs what it is asked for as the test's own user, or refuses; what it was asked is in `asked`."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.asked: list[Told] = []

    async def ask(self, request: Told, descriptors: Sequence[int]) -> Told:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal
        script, out, errors = descriptors
        shell = await asyncio.create_subprocess_exec("/bin/sh", stdin=script, stdout=out, stderr=errors)
        try:
            async with asyncio.timeout(cast(float, request["limit_s"])):
                await shell.wait()
        except TimeoutError:
            shell.kill()
            await shell.wait()
        return {}


class Own:
    """The engine's own user's commands."""

    async def run(self, argv: Sequence[str], **told: Any) -> Finished:
        return Finished(0, f"{argv[0]} {told['user']}".encode(), b"")


async def run(*argv: str, stdin: bytes = b"", launcher: Launcher | None = None, timeout_s: float = 20.0) -> Finished:
    runner = UserRunner(UserTasks(cast(Any, launcher or Launcher())), Own())
    return await runner.run(argv, stdin=stdin, user="ada", environment=ENVIRONMENT, timeout_s=timeout_s)


async def test_every_byte_of_a_long_script_arrives_and_comes_back() -> None:
    script = b"#!/bin/sh\nexport A='it''s' B=\"$PATH\" `id` \\\\ %s \\n\n" + bytes(range(1, 256)) * 2000
    assert await run("cat", stdin=script) == Finished(0, script, b"")


async def test_output_errors_and_exit_code_are_told_apart() -> None:
    assert await run("sh", "-c", "printf 'a\\nb'; echo no >&2; exit 3") == Finished(3, b"a\nb", b"no\n")
    assert await run("sh", "-c", "cat; exit 4", stdin=b"x") == Finished(4, b"x", b"")
    assert (await run("no-such-command-7")).code == 127


async def test_it_sees_no_other_environment_and_no_input() -> None:
    done = await run("sh", "-c", "/usr/bin/env | grep -v ^PWD= | sort; cat")
    assert done.stdout.decode() == "PATH=/usr/bin:/bin\nTZ=it's\n"


async def test_nothing_of_what_goes_in_is_in_the_request_and_each_has_a_unit_of_its_own() -> None:
    launcher = Launcher()
    runner = UserRunner(UserTasks(cast(Any, launcher)))
    told = [runner.run(["cat"], stdin=b"s3cret", user="ada", environment=ENVIRONMENT, timeout_s=20) for _ in range(40)]
    assert {done.stdout for done in await asyncio.gather(*told)} == {b"s3cret"}
    assert {(one["do"], one["user"]) for one in launcher.asked} == {("task", "ada")}
    assert len({one["job"] for one in launcher.asked}) == 40
    assert "s3cret" not in str(launcher.asked)


async def test_what_does_not_end_is_slurm_away() -> None:
    with pytest.raises(SlurmAway, match=r"sleep as ada did not end within 0\.05 s"):
        await run("sleep", "1000", timeout_s=0.05)


async def test_a_launcher_that_never_answers_is_slurm_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Launcher):
        async def ask(self, request: Told, descriptors: Sequence[int]) -> Told:
            await asyncio.Event().wait()
            return {}

    monkeypatch.setattr(asuser, "LAUNCH_WITHIN_S", 0.0)
    with pytest.raises(SlurmAway, match="did not end"):
        await run("true", launcher=Silent(), timeout_s=0.01)


async def test_a_user_who_may_not_is_refused_and_an_absent_launcher_is_away() -> None:
    with pytest.raises(SlurmRefused, match="sbatch cannot be run as ada: 'ada' may not run jobs here"):
        await run("sbatch", launcher=Launcher(LauncherRefused("'ada' may not run jobs here")))
    with pytest.raises(SlurmAway, match="See: systemctl"):
        await run("sbatch", launcher=Launcher(LauncherUnreachable("Nobody answers. See: systemctl")))
    with pytest.raises(SlurmRefused, match="zero byte"):
        await run("sbatch", stdin=b"a\0b")


async def test_the_engines_own_commands_do_not_pass_by_the_launcher() -> None:
    launcher = Launcher(AssertionError("asked"))
    runner = UserRunner(UserTasks(cast(Any, launcher)), Own())
    done = await runner.run(["squeue"], stdin=b"", user=None, environment=ENVIRONMENT, timeout_s=1)
    assert done.stdout == b"squeue None"


async def test_nothing_is_handed_in_or_looked_for_where_its_fate_would_be_hidden() -> None:
    ages = []

    class Blind:
        async def sure(self, max_age_s: float) -> None:
            ages.append(max_age_s)
            raise SlurmAway("hidden")

    runner = UserRunner(UserTasks(cast(Any, Launcher())), Own(), sight=cast(Any, Blind()))

    async def ran(program: str, user: str | None) -> Finished:
        return await runner.run([program], stdin=b"", user=user, environment=ENVIRONMENT, timeout_s=20)

    for program, user in (("/usr/bin/sbatch", "ada"), ("squeue", None), ("scontrol", None)):
        with pytest.raises(SlurmAway, match="hidden"):
            await ran(program, user)
    assert ages == [HOLDS_S, HOLDS_S, 0.0], "what is gone for good is asked anew"
    assert (await ran("/bin/true", "ada")).code == 0, "what is there already can be cancelled"
    assert (await ran("sacct", None)).code == 0


def test_an_output_without_its_last_line_is_of_a_command_that_was_cut_off() -> None:
    assert asuser.finished(b"", b"") is None
    assert asuser.finished(b"12\n", b"") is None
    assert asuser.finished(b"12\n\n0", b"") is None
    assert asuser.finished(b"12\n\n0\n", b"e") == Finished(0, b"12\n", b"e")


def test_the_script_is_on_no_command_line() -> None:
    """All programs of the machine's users see each other's command lines: printf has to be the shell's own."""
    found = subprocess.run(["/bin/sh", "-c", "type printf"], capture_output=True, text=True, check=True)
    assert "builtin" in found.stdout
