#!/bin/bash
#SBATCH --job-name=resnet50
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=12:00:00
#SBATCH --output=logs/%x-%j.out

source ~/miniconda3/bin/activate vision
python train.py --epochs 90
