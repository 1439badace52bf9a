#!/bin/bash
#SBATCH --dependency=afterok:101:102,afterany:103
#SBATCH --begin=now+2hours
#SBATCH --time=10
python merge.py
