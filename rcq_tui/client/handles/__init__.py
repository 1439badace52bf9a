"""What Python programs hold: an engine, jobs and sweeps, for `asyncio` and, made of the same, for plain scripts."""
