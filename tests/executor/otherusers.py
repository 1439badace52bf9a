"""Doing things as other Unix users: children that gave up root. What they may do is the kernel's word, not ours."""

import os
import traceback
from collections.abc import Callable

import pytest

ENGINE, USER1, USER2 = 65_000, 65_001, 65_002
"""No entry in the user database is needed: the kernel knows numbers."""
REFUSED = 13

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")


def may(uid: int, act: Callable[[], object], umask: int = 0o022) -> bool:
    """Do it as that user, without groups; false where the kernel forbids it. Anything else fails the test."""
    child = os.fork()
    if not child:
        _do(uid, act, umask)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, REFUSED), f"exit code {code}; its traceback is in the captured output"
    return code == 0


def _do(uid: int, act: Callable[[], object], umask: int) -> None:
    """Does not return: the test goes on in the parent only."""
    code = 1
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.umask(umask)
        act()
        code = 0
    except PermissionError:
        code = REFUSED
    finally:
        if code == 1:
            os.write(2, traceback.format_exc().encode())
        os._exit(code)
