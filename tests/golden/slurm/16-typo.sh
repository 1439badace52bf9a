#!/bin/bash
#SBATCH --job_name=x
#SBATCH --cpu-per-task=4
#SBATCH -z
#SBATCH --time=soon
./run
