#!/bin/bash
#SBATCH -p gpu -C a100 --exclusive
#SBATCH --nodelist=node[01-04]
#SBATCH --gres=gpu:a100:8
./run
