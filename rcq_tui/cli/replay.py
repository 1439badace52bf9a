"""`rcq replay`: plans recorded passes again and says where that decides anything else."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon.replay`; its options are that module's."""
    return become("engine.daemon.replay", argv)
