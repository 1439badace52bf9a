#!/bin/bash
#SBATCH --time=5
cat > inner.sbatch <<EOF
#!/bin/bash
#SBATCH --gpus=1
EOF
