"""Watches files that people edit."""

from collections.abc import Callable, Iterable
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int], ...]


class FileWatch:
    """Says when files have changed since they were last read. ``files`` is called at each check, because one of the
    files may say which they are. A file that isn't there is watched too."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._read: Stamp | None = None
        self._seen: Stamp | None = None

    def changed(self) -> bool:
        """Whether there is something to read. Two checks in a row must see the same, so that a file isn't read while it
        is being written."""
        stamp = self._stamp()
        settled, self._seen = stamp == self._seen, stamp
        return settled and stamp != self._read

    def was_read(self) -> None:
        """The files have been read as the last check saw them. Until this is called they count as changed."""
        self._read = self._seen

    def _stamp(self) -> Stamp:
        return tuple(_stamp(path) for path in sorted(set(self._files())))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
