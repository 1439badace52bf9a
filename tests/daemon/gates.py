"""What tests of jobs at the gate have in common."""

from engine.protocol.fields import After


def after(*jobs, when="ok"):
    return [After(id=job, when=when) for job in jobs]


def codes(row):
    return [reason["code"] for reason in row.reasons]


def launched(world):
    """By id: what one pass starts is started at once."""
    return sorted(int(launch.job) for launch in world.executor.launched)
