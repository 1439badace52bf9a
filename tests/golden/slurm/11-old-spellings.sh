#!/bin/bash
#SBATCH --workdir=/data/old
#SBATCH --share
#SBATCH --mem=4000
./run
