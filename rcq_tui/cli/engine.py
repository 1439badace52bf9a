"""`rcq engine`: runs the daemon in the foreground."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon`; its options are that module's."""
    return become("engine.daemon", argv)
