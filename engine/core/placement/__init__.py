"""Where a job goes: what fits, the tightest fit, and which cards are too hot."""
