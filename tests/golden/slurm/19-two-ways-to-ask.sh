#!/bin/bash
#SBATCH --gres=gpu:2
#SBATCH --gpus-per-node=4
#SBATCH --mem=10G --mem-per-cpu=2G
#SBATCH --time=1:00:00
#SBATCH --time=2:00:00
./run
