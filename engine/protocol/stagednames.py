"""Where in a job's directory a staged file may go.

Pure. Front end and engine share it, so that a wrong name is told before a large file is sent.
"""

import re

MAX_PART_BYTES = 255
"""What file systems take as one name."""
_OWN = re.compile(
    r"(?:stdout\.log|stderr\.log|script|exit|code)"
    r"|(?:claim|stop|pause|paused|warned|unbegun)-[0-9]+|(?:run|logs)-[0-9]+\.json|\..*\.new|\.rcq.*"
)
"""Names that rcq itself uses in a job's directory, or may come to use."""


def unfit(name: str) -> str | None:
    """Why no file can be put there, in words that follow the name; `None`: one can."""
    parts = name.split("/")
    if parts[0] == "":
        return "must be a path relative to the job's directory, such as conf/run7.yaml"
    if any(part in {"", ".", ".."} for part in parts):
        return "must lead straight to a file: without empty parts, . and .."
    if any(len(part.encode(errors="surrogatepass")) > MAX_PART_BYTES for part in parts):
        return f"has a part of over {MAX_PART_BYTES} bytes, more than a file system takes; choose a shorter one"
    if _OWN.fullmatch(parts[0]):
        return f"begins with {parts[0]}, a name that rcq itself uses there; choose another"
    return None
