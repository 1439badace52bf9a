"""The launcher where systemd's bus is away: plain words, as it is the administrator who reads them."""

import os
import socket
import subprocess
import sys
from pathlib import Path


def test_without_a_bus_it_says_so_in_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/nobody"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        handed_over = f"exec {sys.executable} -m engine.launcher 3<&{listener.fileno()}"
        ran = subprocess.run(
            ["bash", "-c", handed_over], env=environment, pass_fds=[listener.fileno()], capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stderr.startswith("rcq-launcher: no line to systemd's bus")
    assert len(ran.stderr.splitlines()) == 1
