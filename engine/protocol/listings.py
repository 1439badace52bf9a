"""How a listing of jobs can be asked for: states, orders, and times that a stretch of time can be about.

Must not import anything: the command line loads it at every start.
"""

STATES = ("held", "pending", "scheduled", "running", "completed", "failed", "cancelled", "preempted")
SORTS = ("queue", "id", "submitted", "started", "ended", "priority", "gpus", "time_limit", "name", "account")
"""What a listing can be sorted by; `queue` is the plan's order."""
SPANS = ("submitted", "started", "ended")
"""Times of a job that a stretch of time can be about."""
ORDERS = ("asc", "desc")
