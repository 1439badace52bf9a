"""The `slurm` executor: an attempt is a job of Slurm's. Must not know why jobs start, nor what they are charged."""
