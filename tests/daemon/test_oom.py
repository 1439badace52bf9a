"""Which outputs say that a card's memory was used up, and which only seem to."""

import pytest

from engine.daemon.oom import LINES, MOST_TOLD, out_of_memory_line

SAID = {
    "pytorch": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity",
    "older pytorch": "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total capacity)",
    "torch.cuda": "torch.cuda.OutOfMemoryError: CUDA out of memory.",
    "a rank": "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.",
    "jax": "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589",
    "xla": "XlaRuntimeError: RESOURCE_EXHAUSTED: Failed to allocate request for 2.00GiB (2147483648B) on device",
    "tensorflow": "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor",
    "tensorflow, a later line": "OOM when allocating tensor with shape[64,512] on /job:localhost/task:0/device:GPU:0",
    "runtime": "gpu.cu:31: cudaErrorMemoryAllocation",
    "driver": "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY",
    "numba": "numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY",
    "cuda": "RuntimeError: CUDA error: out of memory",
    "cublas": "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cudnn": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "nccl": "ncclUnhandledCudaError: NCCL WARN Cuda failure 2 'out of memory'",
    "cupy": "cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000,000,000 bytes (allocated so far: 0).",
    "rmm": "MemoryError: std::bad_alloc: out_of_memory: CUDA error at: cuda_memory_resource.hpp:70",
    "rmm pool": "RMM failure at:pool_memory_resource.hpp:196: Maximum pool size exceeded",
    "llama.cpp": "alloc_buffer: allocating 40000.00 MiB on device 0: cudaMalloc failed: out of memory",
    "ggml": "CUDA error: out of memory",
    "onnx": "onnxruntime: BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 2147",
    "amber": "cudaMalloc GpuBuffer::Allocate failed out of memory",
    "rocm": "torch.OutOfMemoryError: HIP out of memory. Tried to allocate",
}
NOT_SAID = {
    "nothing": "",
    "host memory": "MemoryError: Unable to allocate 74.5 GiB for an array with shape (100000, 100000)",
    "host bad_alloc": "terminate called after throwing an instance of 'std::bad_alloc'",
    "grpc": "RESOURCE_EXHAUSTED: Received message larger than max (5000000 vs. 4194304)",
    "tensorflow on the host": "OOM when allocating tensor with shape[9] on /job:localhost/device:CPU:0 by cpu",
    "another cuda error": "RuntimeError: CUDA error: device-side assert triggered",
    "the kernel": "Out of memory: Killed process 4711 (python)",
}
TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    step()\n'
OOM = SAID["pytorch"]


@pytest.mark.parametrize("line", SAID.values(), ids=SAID)
def test_the_messages_of_the_frameworks(line):
    assert out_of_memory_line("", f"{TRACEBACK}{line}\n") == line[:MOST_TOLD]
    assert out_of_memory_line(f"epoch 1\n{line}\n", "") == line[:MOST_TOLD]


@pytest.mark.parametrize("line", NOT_SAID.values(), ids=NOT_SAID)
def test_what_is_no_such_message(line):
    assert out_of_memory_line(line, line) is None


def test_one_that_was_survived_does_not_count():
    later = f"{TRACEBACK}ValueError: shapes do not match\n"
    assert out_of_memory_line("", f"caught {OOM}, batch size halved\nepoch 2\n{later}") is None
    assert out_of_memory_line(f"caught {OOM}, batch size halved\n", later) is None
    assert out_of_memory_line("", f"{later}{TRACEBACK}{OOM}\n") == OOM[:MOST_TOLD]


def test_one_far_up_does_not_count():
    assert out_of_memory_line("", f"{OOM}\n" + "step\n" * (LINES - 1)) is not None
    assert out_of_memory_line("", f"{OOM}\n" + "step\n" * LINES) is None
    assert out_of_memory_line(f"{OOM}\n" + "step\r" * LINES, "") is None


@pytest.mark.parametrize(
    "after",
    [
        f"During handling of the above exception, another exception occurred:\n{TRACEBACK}RuntimeError: cleaning\n",
        f"\nThe above exception was the direct cause of the following exception:\n{TRACEBACK}RuntimeError: worker\n",
        f"{TRACEBACK}torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\ntrain.py FAILED\n",
        f"{TRACEBACK}subprocess.CalledProcessError: Command '['python']' returned non-zero exit status 1.\n",
        "Aborted (core dumped)\n",
        "srun: error: task 0 exited\n",
    ],
)
def test_an_error_that_follows_from_it_takes_nothing_back(after):
    assert out_of_memory_line("", f"{TRACEBACK}{OOM}\n{after}") == OOM[:MOST_TOLD]


def test_what_is_told_is_short_and_cannot_write_on_a_terminal():
    told = out_of_memory_line("", "\x1b[31mCUDA out of memory\x07 " + "\u202e" + "x" * 5000)
    assert told is not None and len(told) == MOST_TOLD and told.isprintable() and told.endswith("…")


def test_long_lines_and_strange_bytes_take_no_time():
    out_of_memory_line("RESOURCE_EXHAUSTED: " * 50_000, "std::bad_alloc" * 50_000)
