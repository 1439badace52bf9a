"""The check of the cards: whether the configured source of readings works.

The driver's bindings are loaded inside the check, so that a missing package is a finding and not a crash. Must not
know what the readings are used for.
"""

import time

from engine.daemon.checks.finding import Finding, Host

DRIVER_PATIENCE_S = 10.0


def cards(host: Host) -> Finding:
    """The configured source of readings works."""
    if host.settings is None:
        return Finding(state="warn", found="not looked for without settings", mend="Mend the settings first.")
    if host.settings.executor.kind == "slurm":
        return Finding(state="ok", found="those of this host are not used: every job runs on Slurm")
    gpu = host.settings.gpu
    if gpu.provider == "none":
        return Finding(state="ok", found="none, as gpu.provider says")
    if gpu.provider == "simulated":
        count = sum(card.count for card in gpu.simulated)
        mend = f"Add a [[gpu.simulated]] group to {host.config_file}, or set gpu.provider to auto."
        return (
            Finding(state="ok", found=f"{count} simulated")
            if count
            else Finding(state="fail", found="gpu.provider is simulated, but no card is listed", mend=mend)
        )
    return _driver(required=gpu.provider == "nvml")


class _SystemClock:
    """The `Clock` of readings that nobody keeps."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


def _driver(*, required: bool) -> Finding:
    """Ask the NVIDIA driver as the engine does, in a process of its own: a broken driver may never answer."""
    try:
        from engine.gpu.unavailable import DriverHangs, DriverUnavailable  # noqa: PLC0415 - needs a package
        from engine.gpu.watched import WatchedGpus  # noqa: PLC0415 - needs a package
    except ImportError as error:
        return Finding(state="fail", found=f"cannot import {error.name}", mend="Run the installer again.")
    provider = WatchedGpus(_SystemClock(), DRIVER_PATIENCE_S)
    try:
        readings = provider.read()
    except DriverUnavailable as error:
        found, _, mend = str(error).partition(". ")
        return Finding(state="fail" if required or isinstance(error, DriverHangs) else "warn", found=found, mend=mend)
    finally:
        provider.close()
    models = ", ".join(sorted({reading.model for reading in readings}))
    if not readings:
        return Finding(state="warn", found="the NVIDIA driver shows no card", mend="Run nvidia-smi; see dmesg for why.")
    return Finding(state="ok", found=f"{len(readings)} through the NVIDIA driver: {models}")
