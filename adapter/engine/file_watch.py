"""Watching files that people edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int], ...]


class FileWatch:
    """Says when files changed since they were last read. ``files`` is asked for them at each look, as which those are
    may itself stand in one of them; a file that isn't there is watched as well."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._read: Stamp | None = None
        self._seen: Stamp | None = None

    def changed(self) -> bool:
        """Whether there is something to read. Two looks in a row must see the files the same, so that one that is just
        being written isn't read by half."""
        stamp = self._stamp()
        settled, self._seen = stamp == self._seen, stamp
        return settled and stamp != self._read

    def was_read(self) -> None:
        """What the last look saw has been read. Until this is called it counts as changed."""
        self._read = self._seen

    def _stamp(self) -> Stamp:
        return tuple(_stamp(path) for path in sorted(set(self._files())))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
