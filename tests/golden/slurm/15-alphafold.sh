#!/bin/bash
#SBATCH -A structbio
#SBATCH -n 1
#SBATCH -c 8
#SBATCH --gres=gpu:rtx_a6000:1
#SBATCH --mem=96G
#SBATCH -t 0-20:00:00
#SBATCH -o %x.%j.%N.log
#SBATCH --open-mode=append
run_alphafold.sh -f target.fasta
