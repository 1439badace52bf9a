"""Whether this host could ever hold a request, on an idle day.

Pure. Asked once, at submission; quotas are not its matter.
"""

from collections.abc import Sequence

from engine.core.model import Shape, model_matches
from engine.core.reasons import Impossible
from engine.core.snapshot import Gpu, Host


def impossible(shape: Shape, gpus: Sequence[Gpu], host: Host) -> tuple[Impossible, ...]:
    """Everything that this host lacks for the shape; empty if it can be held."""
    if shape.gpus > 1:
        gpus = [gpu for gpu in gpus if gpu.parent is None]  # no program uses two MIG instances
    found = [
        Impossible(resource=resource, wanted=wanted, most=most)
        for resource, wanted, most in (
            ("gpus", shape.gpus, len(gpus)),
            ("cpu_cores", shape.cpu_cores, host.cpu_cores),
            ("memory_mb", shape.memory_mb, host.memory_mb),
        )
        if wanted > most
    ]
    typed = [gpu for gpu in gpus if shape.gpu_type is None or model_matches(gpu.model, shape.gpu_type)]
    if not found and shape.gpus > len(typed):
        found.append(Impossible(resource="gpu_type", wanted=shape.gpus, most=len(typed)))
    sizes = sorted((gpu.memory_mb for gpu in typed), reverse=True)
    if not found and shape.gpus and sizes[shape.gpus - 1] < shape.gpu_memory_mb:
        found.append(Impossible(resource="gpu_memory_mb", wanted=shape.gpu_memory_mb, most=sizes[shape.gpus - 1]))
    return tuple(found)
