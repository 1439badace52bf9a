#!/usr/bin/env bash
#SBATCH --array=0-99%8
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=4G
#SBATCH --time=04:00:00
#SBATCH --output=sweep_%A_%4a.out
#SBATCH --error=sweep_%A_%4a.err
python sweep.py --seed $SLURM_ARRAY_TASK_ID
