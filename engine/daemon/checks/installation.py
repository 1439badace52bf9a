"""Checks of the installation: interpreter, packages, settings file.

Must not know how findings are printed.
"""

import importlib
import os
import sys

from engine.daemon.checks.finding import Finding, Host, is_there, unseen

OLDEST = (3, 11)
PACKAGES = (
    "textual",
    "sqlite_utils",
    "apscheduler",
    "pynvml",
    "psutil",
    "pydantic",
    "bcrypt",
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "httpx",
    "sortedcontainers",
    "dbus_fast",
    *(("backports.zstd",) if sys.version_info < (3, 14) else ()),
)


def python(host: Host) -> Finding:
    """The interpreter is one that rcq was written for."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST:
        return Finding(state="fail", found=f"Python {version}", mend="Install Python 3.11 or later, then ./install.sh.")
    return Finding(state="ok", found=f"Python {version}")


def packages(host: Host) -> Finding:
    """Everything that rcq imports can be imported."""
    missing = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        return Finding(state="fail", found=f"cannot import {', '.join(missing)}", mend="Run the installer again.")
    return Finding(state="ok", found=f"all {len(PACKAGES)} packages can be imported")


def settings(host: Host) -> Finding:
    """The settings file can be read and holds no mistake."""
    if host.config_file is not None and is_there(host.config_file) and not os.access(host.config_file, os.R_OK):
        return unseen(host.config_file)
    if host.settings_trouble:
        mend = "Correct the file; every key is explained in man rcq.toml, or config/rcq.toml of the checkout."
        return Finding(state="fail", found=f"{host.config_file}: {host.settings_trouble}", mend=mend)
    if host.config_file is None:
        return Finding(state="fail", found="no place for a settings file", mend=host.paths_trouble)
    if is_there(host.config_file):
        return Finding(state="ok", found=f"{host.config_file} is good")
    return Finding(state="ok", found=f"no file at {host.config_file}: all defaults")
