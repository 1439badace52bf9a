"""Slurm as its own commands show it: running them, and reading what they print. Must not know jobs of rcq's."""
