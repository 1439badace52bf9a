"""Names in an archive that lead nowhere but into it, show nothing but themselves and are all different. Pure.

Must not know what has these names.
"""

import re
import unicodedata

DRIVE = re.compile(r"[A-Za-z]:")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Kinds of characters that move the cursor, turn the text around, show nothing, or are no characters."""
LONGEST_BYTES = 4096
"""Of a whole name; no system unpacks a longer one."""


class Names:
    """Gives each path of an archive its name. taken: names that are given already."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def of(self, path: str) -> str:
        """A relative name for a file, unlike all before it, in any mix of upper and lower case."""
        name = harmless(path)
        stem, count = name, 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{stem}~{count}"
        self._taken.add(name.casefold())
        return name


def harmless(path: str) -> str:
    """The path without a root, a drive, `.` and `..`; of other steps hidden characters and backslashes as `%1B`.

    Bytes that are no UTF-8 may stand in it as surrogates, as the operating system's names have them.
    """
    steps = [_step(step) for step in path.split("/") if step not in {"", "."}]
    if steps and DRIVE.match(steps[0]):
        steps[0] = steps[0].replace(":", "%3A", 1)
    name = "/".join(steps) or "_"
    return name if len(name.encode()) <= LONGEST_BYTES else _shortened(name)


def shown(text: str) -> str:
    """A text for a line of its own, such as where a link leads."""
    return "".join(map(_plain, text))


def _step(step: str) -> str:
    if not step.strip("."):
        return step.replace(".", "%2E")
    return "".join("%5C" if one == "\\" else _plain(one) for one in step)


def _plain(one: str) -> str:
    if unicodedata.category(one) not in HIDDEN:
        return one
    return "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogateescape" if _is_raw(one) else "replace"))


def _is_raw(one: str) -> bool:
    """Whether it stands for a byte that is no UTF-8."""
    return "\udc80" <= one <= "\udcff"


def _shortened(name: str) -> str:
    return name.encode()[: LONGEST_BYTES // 2].decode(errors="ignore").rstrip("/") + "/…"
