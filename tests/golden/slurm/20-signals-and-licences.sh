#!/bin/bash
#SBATCH --signal=B:USR1@300
#SBATCH --licenses=matlab
#SBATCH --nice=100
#SBATCH --hint=nomultithread
#SBATCH --time=UNLIMITED
#SBATCH --mem=0
matlab -batch run
