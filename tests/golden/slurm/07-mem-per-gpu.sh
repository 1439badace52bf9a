#!/bin/bash
#SBATCH --gpus=4
#SBATCH --cpus-per-gpu=6
#SBATCH --mem-per-gpu=64G
#SBATCH --time=3-00:00:00
torchrun --nproc-per-node=4 train.py
