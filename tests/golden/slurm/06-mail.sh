#!/bin/bash
#SBATCH --job-name="night run"
#SBATCH --mail-type=END,FAIL
#SBATCH --mail-user=ada@example.org
#SBATCH --time=8:00:00
make all
