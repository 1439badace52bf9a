#!/bin/bash
#SBATCH --export=NONE
#SBATCH --chdir=/data/ada/run
#SBATCH --time=2:30:00
#SBATCH --requeue
./run
