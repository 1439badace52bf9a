"""The cards: NVML and simulated."""
