"""The canary: what passes, what does not and with which words, and that a card that never answers is left behind."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from engine.core.model import GpuUuid
from engine.gpu import canary
from engine.gpu.canaries import Canaries
from tests.gpu.fake_cuda import ECC, MIB, FakeCuda

CARD = GpuUuid("GPU-00000000-0000-0000-0000-000000000007")


def test_a_sound_card_passes_and_keeps_nothing():
    cuda = FakeCuda()
    assert canary.examine(cuda) == "256 MiB written and read back, 65536 words computed"
    assert (cuda.open, cuda.held) == (0, {})


def test_a_quarter_of_little_free_memory_is_enough():
    assert canary.examine(FakeCuda(free_mb=100)).startswith("16 MiB")
    with pytest.raises(canary.Failed, match="only 63 MiB of its memory are free"):
        canary.examine(FakeCuda(free_mb=63))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"flip": {200 * MIB + 3}}, "memory reads back wrong in the 16 MiB from byte 201326592 on"),
        ({"wrong": True}, "65536 of 65536 words computed wrong"),
        ({"fail": {"cuInit": 100}}, "cuInit failed: error 100"),
        ({"fail": {"cuCtxSynchronize": ECC}}, "cuCtxSynchronize failed: CUDA_ERROR_ECC_UNCORRECTABLE"),
        ({"missing": {"cuCtxCreate_v2"}}, "this driver has no cuCtxCreate_v2"),
        ({"fail": {"cuModuleLoadData": 218}, "missing": {"cuGetErrorName"}}, "cuModuleLoadData failed: error 218"),
    ],
)
def test_what_fails_is_named_and_everything_is_given_back(fault, words):
    cuda = FakeCuda()
    for name, value in fault.items():
        setattr(cuda, name, value)
    with pytest.raises(canary.Failed) as failed:
        canary.examine(cuda)
    assert str(failed.value) == words
    assert (cuda.open, cuda.held) == (0, {})


def test_without_the_library_it_says_so(monkeypatch, capsys):
    def absent(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert canary.main([CARD]) == 1
    assert capsys.readouterr().out == "it cannot be tested: libcuda.so.1 cannot be loaded\n"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == CARD
    assert canary.main([]) == 2


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Lets the test's own process find a scripted library."""

    def one(**script):
        (tmp_path / "cuda.json").write_text(json.dumps(script))
        monkeypatch.setenv("RCQ_SCRIPTED_CUDA", str(tmp_path / "cuda.json"))
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "driver"))

    return one


async def test_it_runs_in_a_process_of_its_own(scripted):
    scripted()
    assert await Canaries()(CARD) is None
    scripted(fail={"cuMemAlloc_v2": ECC})
    assert await Canaries()(CARD) == "cuMemAlloc_v2 failed: CUDA_ERROR_ECC_UNCORRECTABLE"
    assert await Canaries(module="engine.gpu.no_such_module")(CARD) == "the test ended with 1"


async def test_a_card_that_never_answers_has_failed_and_its_process_is_ended(scripted, monkeypatch):
    scripted(hang=["cuCtxCreate_v2"])
    begun = []
    start = asyncio.create_subprocess_exec

    async def noted(*args, **options):
        begun.append(await start(*args, **options))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    assert await Canaries(0.5)(CARD) == "the test did not end within 0.5 s"
    assert begun[0].returncode == -9


async def test_a_test_that_cannot_be_started_has_failed(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert (await Canaries()(CARD)).startswith("the test cannot be started")


async def test_it_ends_with_the_engine(scripted):
    scripted(hang=["cuCtxCreate_v2"])
    story = (
        "import asyncio, os, signal, sys\n"
        "from engine.gpu.canaries import Canaries\n"
        "async def main():\n"
        "    start = asyncio.create_subprocess_exec\n"
        "    async def noted(*words, **options):\n"
        "        process = await start(*words, **options)\n"
        "        print(process.pid, flush=True)\n"
        "        return process\n"
        "    asyncio.create_subprocess_exec = noted\n"
        f"    await Canaries()({CARD!r})\n"
        "asyncio.run(main())\n"
    )
    engine = await asyncio.create_subprocess_exec(sys.executable, "-c", story, stdout=asyncio.subprocess.PIPE)
    assert engine.stdout is not None
    test = os.pidfd_open(int(await engine.stdout.readline()))
    try:
        engine.kill()
        await engine.wait()
        over = asyncio.Event()
        asyncio.get_running_loop().add_reader(test, over.set)
        async with asyncio.timeout(5):
            await over.wait()
    finally:
        asyncio.get_running_loop().remove_reader(test)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(test, signal.SIGKILL)
        os.close(test)
