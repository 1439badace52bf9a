#!/bin/bash

# the big one
##SBATCH --gpus=8
# SBATCH --gpus=6
#SBATCH --gpus 2   # two are enough
#SBATCH	--time	90:00

#SBATCH -c4 -Jbig

./run
