"""`rcq restore`: put a backup in the database's place (engine stopped)."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon.restore`; its options are that module's."""
    return become("engine.daemon.restore", argv)
