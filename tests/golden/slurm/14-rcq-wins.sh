#!/bin/bash
#RCQ --gpus 1 --time 1h
#SBATCH --gpus=4 --time=2-00:00:00 --mem-per-gpu=20G
./run
