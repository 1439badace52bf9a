"""`rcq simulate`: replays a trace of jobs on virtual time."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon.simulate`; its options are that module's."""
    return become("engine.daemon.simulate", argv)
