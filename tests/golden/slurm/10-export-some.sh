#!/bin/bash
#SBATCH --export=SEED=7,DATA=/data/x
#SBATCH --comment='paper 3'
#SBATCH -t 0-02:30
./run
