"""The imperative shell: the pass loop, timers, recovery, and the service behind the API."""
