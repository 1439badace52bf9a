"""Code that was captured as a job was submitted: what its submitter sends, and what is shown of it.

Must not know how it was captured, nor where it is unpacked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True, kw_only=True)
class Snapshot:
    """A tree of files that a job runs in, and where it came from.

    upload: of the tree, as a `.tar.gz`. subdir: where in it the job runs. commit, branch, remote: of the repository;
    dirty: the tree is not as the commit is. diff: upload of the difference, if any. environment: a summary, such as
    `python` and `pip:numpy` with their versions.
    """

    upload: str
    subdir: str = ""
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    dirty: bool = False
    diff: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def uploads(self) -> list[str]:
        """The uploads that it needs."""
        return [self.upload] if self.diff is None else [self.upload, self.diff]
