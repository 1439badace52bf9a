#!/bin/bash -l
#SBATCH --partition=gpu
#SBATCH --qos=high
#SBATCH --gpus=a100:2
#SBATCH --time=1-12
srun python train.py
