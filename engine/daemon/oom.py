"""Whether a job's output says that a card's memory was used up: the messages of the frameworks and of CUDA itself.

The last `LINES` lines of each output count, those of stderr after those of stdout. The last such message decides,
unless a Python error of another kind comes after it: then the job got over it and failed of something else. An error
that was raised while the first was handled, or that only passes on another process's end, is none of another kind.
Pure. Must not know files, nor what follows from the answer.
"""

import re

LINES = 200
"""Of each output. An exception's last lines are far fewer; a message further up was survived."""
MOST_LINE = 1000
"""Characters of a line that are looked at."""
MOST_TOLD = 240
"""Characters of a line that are told."""

_SAID = re.compile(
    "|".join(
        (
            r"(?:CUDA|HIP) out of memory",  # PyTorch
            r"\btorch(?:\.cuda)?\.OutOfMemoryError\b",
            r"\bRESOURCE_EXHAUSTED: .*(?:[Oo]ut of memory|\bOOM\b|[Aa]llocat)",  # JAX, XLA
            r"\bResourceExhaustedError\b.*(?:\bOOM\b|memory|allocat)(?!.*device:CPU)",  # TensorFlow
            r"\bOOM when allocating tensor(?!.*device:CPU)",
            r"\b(?:cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|hipErrorOutOfMemory)\b",
            r"\bC(?:UDA|uda|uDNN) (?:error|Error|failure|runtime error)\b.*\bout of memory",  # also NCCL, llama.cpp
            r"\b(?:cudaMalloc|cuMemAlloc|cuMemCreate|hipMalloc)\w*\b.*\bout of memory",  # ggml, AMBER, GROMACS
            r"\bCU(?:BLAS|DNN|SOLVER|SPARSE|TENSOR)_STATUS_ALLOC_FAILED\b|\bCUFFT_ALLOC_FAILED\b",
            r"\bCUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED\b",
            r"\bcupy[\w.]*\.OutOfMemoryError\b",
            r"\brmm::(?:bad_alloc|out_of_memory)\b|\bstd::bad_alloc: (?:out_of_memory: )?(?:CUDA|RMM)",  # RAPIDS
            r"\bRMM failure at\b.*(?:pool size exceeded|[Oo]ut of memory)",
            r"\bBFCArena\b.*Failed to allocate memory for requested buffer",  # ONNX Runtime
        )
    )
).search
_ERROR = re.compile(r"(?:\[rank\d+\]: ?)?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt))(?::|$)").match
_CHAIN = re.compile(
    r"(?:\[rank\d+\]: ?)?(?:During handling of the above exception|The above exception was the direct cause)"
).match
_PASSED_ON = frozenset(
    {
        "ChildFailedError",
        "CalledProcessError",
        "ProcessRaisedException",
        "ProcessExitedException",
        "BrokenProcessPool",
        "RayTaskError",
        "EngineDeadError",
    }
)
"""What a parent says when its child failed: the child's own message came before."""


def out_of_memory_line(stdout: str, stderr: str) -> str | None:
    """The line that says so, cut and without control characters; `None` where the job failed of something else.

    stdout, stderr: the ends of what it wrote.
    """
    found: str | None = None
    chained = False
    for line in (*_last(stdout), *_last(stderr)):
        if _SAID(line):
            found, chained = line, False
        elif found is None:
            continue
        elif _CHAIN(line):
            chained = True
        elif (error := _ERROR(line)) is not None:
            if not chained and error[1].rpartition(".")[2] not in _PASSED_ON:
                found = None
            chained = False
    return _told(found) if found is not None else None


def _last(text: str) -> list[str]:
    """Progress bars write over their line: what they wrote counts as lines, too."""
    return [line[:MOST_LINE] for line in text.replace("\r", "\n").split("\n") if line.strip()][-LINES:]


def _told(line: str) -> str:
    text = " ".join("".join(one if one.isprintable() else " " for one in line).split())
    return text if len(text) <= MOST_TOLD else text[: MOST_TOLD - 1] + "…"
