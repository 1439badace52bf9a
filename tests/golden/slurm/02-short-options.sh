#!/bin/bash
#SBATCH -J prep
#SBATCH -N 1 -n 1 -c 4
#SBATCH -t 30
#SBATCH -o prep.log -e prep.err
python prepare.py
