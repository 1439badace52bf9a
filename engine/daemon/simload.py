"""What a job does to a simulated card, as its tags `sim_load` and `sim_memory_mb` tell. Must not know the cards."""

import math

from engine.protocol.fields import JobFields


def simulated_load(fields: JobFields) -> tuple[float | None, int]:
    """Load, 0 to 1 (`None`: the card's default), and MiB on each of its cards (else what it asked for)."""
    load = _number(fields.tags.get("sim_load"))
    memory = _number(fields.tags.get("sim_memory_mb"))
    return (
        None if load is None else min(1.0, max(0.0, load)),
        fields.gpu_memory_mb if memory is None else max(0, int(memory)),
    )


def _number(text: str | None) -> float | None:
    """The tag's number; a tag is free text, so what is none counts as not given."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
