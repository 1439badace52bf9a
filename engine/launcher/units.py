"""From a request to the properties of a systemd unit: as whom, held to what, with which cards.

Must not talk to systemd.
"""

import os
import pwd

from dbus_fast import Variant

from engine.launcher.request import Request

CONTROL = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
"""What a process opens besides its cards to use any."""
CONTAINER = ("/dev/fuse", "/dev/net/tun")
"""What rootless containers need; open to every user of a usual system."""
MIB, USEC = 1 << 20, 1_000_000
Properties = dict[str, Variant]


def name_of(one: Request) -> str:
    """The unit of a job, or of a task beside it."""
    return f"rcq-{'task' if one.do == 'task' else 'job'}-{one.job}.{'scope' if one.scope else 'service'}"


def service(one: Request, who: pwd.struct_passwd) -> Properties:
    """A new unit: a shell that reads what to become from the first descriptor, and writes to the other two."""
    listed = {
        **_common(one),
        "Type": Variant("s", "oneshot" if one.do == "task" else "exec"),
        "ExecStart": Variant("a(sasb)", [["/bin/sh", ["sh"], False]]),
        "User": Variant("s", who.pw_name),
        "Group": Variant("s", str(who.pw_gid)),
        "SupplementaryGroups": Variant("as", [str(gid) for gid in os.getgrouplist(who.pw_name, who.pw_gid)]),
        "WorkingDirectory": Variant("s", one.workdir),
        "Environment": Variant("as", [f"{name}={value}" for name, value in one.environment.items()]),
        "StandardInputFileDescriptor": Variant("h", 0),
        "StandardOutputFileDescriptor": Variant("h", 1),
        "StandardErrorFileDescriptor": Variant("h", 2),
        "OOMPolicy": Variant("s", "kill"),
        "OOMScoreAdjust": Variant("i", 300),  # where the host itself runs out: a job before what serves everybody
        "KillMode": Variant("s", "control-group"),
    }
    if one.do == "task":
        limit = Variant("t", int(one.limit_s * USEC))
        return listed | {"CollectMode": Variant("s", "inactive-or-failed"), "TimeoutStartUSec": limit}
    listed["RemainAfterExit"] = Variant("b", True)  # the result stays until the engine has it on disk
    if one.cleanup:
        words = [word.replace("$", "$$") for word in one.cleanup]  # systemd would put variables in
        listed["ExecStopPost"] = Variant("a(sasb)", [["/bin/sh", ["sh", "-c", '"$$@"', "sh", *words], True]])
    return listed


def scope(one: Request) -> Properties:
    """The unit that processes which run already are put into."""
    return _common(one) | {"PIDs": Variant("au", [pid for pid, _ in one.pids])}


def _common(one: Request) -> Properties:
    nodes = [*one.devices, *(CONTROL if one.devices else ()), *CONTAINER]
    listed = {
        "Description": Variant("s", f"rcq job {one.job}, attempt {one.attempt}"),
        "Slice": Variant("s", "rcq-jobs.slice"),
        "Before": Variant("as", ["rcq-engine.service"]),  # at a shutdown the engine goes first: it would count failures
        "AddRef": Variant("b", one.do != "task"),
        "RuntimeMaxUSec": Variant("t", int(one.limit_s * USEC)),
        "TimeoutStopUSec": Variant("t", max(1, int(one.grace_s * USEC))),
        "TasksMax": Variant("t", one.tasks),
        "DevicePolicy": Variant("s", "closed"),
        "DeviceAllow": Variant("a(ss)", [[node, "rw"] for node in nodes]),
    }
    if one.memory_mb:
        listed |= {"MemoryMax": Variant("t", one.memory_mb * MIB), "MemorySwapMax": Variant("t", 0)}
    if one.cores:
        mask = sum(1 << core for core in set(one.cores))
        listed["AllowedCPUs"] = Variant("ay", mask.to_bytes(max(one.cores) // 8 + 1, "little"))
    elif one.cpus:
        listed["CPUQuotaPerSecUSec"] = Variant("t", one.cpus * USEC)
    return listed
