"""The only code that runs as root: it has systemd run a job as its owner, and nothing else."""
