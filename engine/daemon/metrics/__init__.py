"""Figures for Prometheus: what there is of them, where each is read, who may see which, where they are served."""
