"""Variables by which a job knows who it is and which cards are its own: nobody else sets them. Pure; loads nothing."""

GUARDED = frozenset({"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"})
"""Besides everything that begins with RCQ_."""
GUARDED_PREFIX = "RCQ_"


def is_guarded(name: str) -> bool:
    """Whether a job's own `environment` has no say over that variable."""
    return name in GUARDED or name.startswith(GUARDED_PREFIX)
