"""Settings of rcq: typed, grouped, with unit and reason; the commented `rcq.toml`; the demo's workload."""
