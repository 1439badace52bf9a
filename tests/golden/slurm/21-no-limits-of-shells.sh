#!/bin/zsh
#SBATCH --ntasks=1 --nodes=1-1 --mail-type=NONE --kill-on-invalid-dep=yes
#SBATCH --gpus-per-task=h100:1
#SBATCH --begin=16:00
#SBATCH --time=59:59
./run
