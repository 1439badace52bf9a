"""What was measured of a job as labelled words, with a hint where it clearly asked for too many cards.

Pure. Must not know what draws the words; light enough for the command line.
"""

from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel.formats import memory, percent

Measures = Mapping[str, Any]

HINT_AFTER_S = 300.0
"""Before it has run for so long, cards that a job has not used yet may still be wanted."""


def energy(kwh: float) -> str:
    """`1.24 kWh`, `12.4 kWh`, `310 kWh`, or `42 Wh` below a tenth of one; next to nothing is `under 0.01 Wh`."""
    if kwh < 0.00001:
        return "under 0.01 Wh" if kwh > 0 else "0 Wh"
    if kwh < 0.1:
        return f"{kwh * 1000:.3g} Wh"
    return f"{kwh:.2f} kWh" if kwh < 10 else f"{kwh:.1f} kWh" if kwh < 100 else f"{kwh:.0f} kWh"


def measure_facts(measures: Measures | None, asked_mb: int, ran_s: float) -> list[tuple[str, str]]:
    """Labels and values. asked_mb: MiB asked for on each card, 0 for none; ran_s: seconds that it has run."""
    if measures is None:
        return []
    facts = [("energy", energy(measures["energy_kwh"]))]
    if measures["peak_gpu_memory_mb"] is not None:
        asked = f" ({memory(asked_mb)} asked)" if asked_mb else ""
        facts.append(("peak GPU memory", f"{memory(measures['peak_gpu_memory_mb'])} on one card{asked}"))
    facts.append(("GPUs used", f"{used(measures)}{_hint(measures, ran_s)}"))
    return facts


def used(measures: Measures) -> str:
    """`1 of 4, 23% busy`."""
    busy = measures["gpu_utilization"]
    return f"{measures['gpus_used']} of {measures['gpus']}" + ("" if busy is None else f", {percent(busy)} busy")


def _hint(measures: Measures, ran_s: float) -> str:
    asked, in_use = measures["gpus"], measures["gpus_used"]
    if in_use >= asked or ran_s < HINT_AFTER_S:
        return ""
    noun = "GPU" if asked == 1 else "GPUs"
    return f" ({asked} {noun} asked, {in_use or 'none'} used)"
