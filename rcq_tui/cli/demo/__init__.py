"""`rcq demo`: an engine of its own, the shipped people and jobs, and a look at them all at work."""

from rcq_tui.cli.demo.verb import run

__all__ = ["run"]
