"""`python -m engine.daemon`: the engine in the foreground. Must not do anything but call main."""

import sys

from engine.daemon.main import main

sys.exit(main())
