"""`rcq backup`: back the engine's database up."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon.backup`; its options are that module's."""
    return become("engine.daemon.backup", argv)
