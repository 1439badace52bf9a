#!/bin/bash
module load cuda
#SBATCH --gpus=1
./run
