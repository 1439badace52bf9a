"""The person whom a personal engine serves: the Unix user that it runs as.

Must not know jobs.
"""

import os
import pwd

from engine.executor.environment import Person

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
DEFAULT_LANGUAGE = "C.UTF-8"


def this_person() -> Person:
    """From the user database, and the search path and language of the engine's own environment.

    A user id without an entry (as in some containers) has its number for a name and `/` for a home, unless the
    environment says more.
    """
    try:
        entry = pwd.getpwuid(os.getuid())
        name, home, shell = entry.pw_name, entry.pw_dir, entry.pw_shell
    except KeyError:
        name, home, shell = str(os.getuid()), os.environ.get("HOME", "/"), ""
    return Person(
        name=name,
        home=home,
        shell=shell or "/bin/sh",
        path=os.environ.get("PATH") or DEFAULT_PATH,
        language=os.environ.get("LANG") or DEFAULT_LANGUAGE,
    )
