"""The contract suite of executors, on a real systemd."""

from tests.contract.test_executor import *  # noqa: F403 - the suite itself
from tests.contract.test_executor_steering import *  # noqa: F403 - likewise
