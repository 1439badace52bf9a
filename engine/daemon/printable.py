"""Text from outside as the engine's own log and its commands on a terminal show it: nothing that a terminal would obey,
and nothing that would begin a line of its own.

Must not know what the text says.
"""


def printable(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def escaped(text: str) -> str:
    """The text on one line, with what is not printable as Python writes it: `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
