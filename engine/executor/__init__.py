"""Running jobs so that they outlive the engine."""
