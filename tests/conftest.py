"""What is never collected by itself: tests that are at home inside another machine."""

import os

collect_ignore = [] if os.environ.get("RCQ_INSIDE") else ["inside"]
