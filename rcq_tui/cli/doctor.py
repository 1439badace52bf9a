"""`rcq doctor`: checks this machine and says what to mend."""

from rcq_tui.cli.become import become


def run(argv: list[str]) -> int:
    """Become `python -m engine.daemon.doctor`; its options are that module's."""
    return become("engine.daemon.doctor", argv)
