"""`python -m tests.e2e.talkative OPTIONS`: an engine whose log leaves nothing out, that of its libraries neither."""

import logging
import sys

from engine.daemon import main as daemon


def main() -> int:
    set_up = daemon.set_up

    def loud() -> None:
        set_up()
        logging.getLogger().setLevel(logging.DEBUG)
        logging.debug("talkative")

    daemon.set_up = loud
    return daemon.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
