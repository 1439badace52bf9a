"""What a script written for Slurm asks for, in rcq's words. Must not know where a job is sent."""
