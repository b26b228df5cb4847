"""Reading a log forwards, file by file, once to what is there now or on and on.

A cursor stands between two records, never inside one, so what is being written or repaired at
the end of the file is not seen before it is whole.
"""

from __future__ import annotations

from supervisor.logs.files import close_files, identify_current, open_files
from supervisor.logs.query import LogQuery
from supervisor.logs.records import LogRecord, Stream, parse_record
from supervisor.logs.tail import Place, tail_starts

_BLOCK = 256 * 1024
"""Larger than any record."""


class LogCursor:
    """A place in a log. With `follow`, it goes on through rotations; without, to today's end."""

    def __init__(self, directory: str, query: LogQuery, *, follow: bool) -> None:
        self._directory = directory
        self._query = query
        self._follow = follow
        self._files = open_files(directory)
        self._offset = 0
        self._index = 0
        self._rotated = False
        self.missed = 0
        """How often a rotation took away files that had not been read."""
        self._starts: dict[Stream, Place] | None = None
        if query.tail is not None:
            self._starts = tail_starts(self._files, query, query.tail)
            self._index, self._offset = min(self._starts.values())

    def read(self) -> list[LogRecord]:
        """The next records asked for; none only where there is nothing more for now."""
        while self._index < len(self._files) or self._find_files():
            lines = self._read_lines()
            if lines is not None:
                records = [record for line in lines if (record := parse_record(line))]
                if records:
                    return records
            elif not self._next_file():
                break
        return []

    def close(self) -> None:
        """Close the files."""
        close_files(self._files)
        self._files = []

    def _read_lines(self) -> list[bytes] | None:
        """The lines asked for in the next block of the file; None at its end."""
        file = self._files[self._index]
        length = _BLOCK
        if not self._follow:
            length = min(length, file.size - self._offset)
        block = file.read(max(0, length), self._offset)
        end = block.rfind(b"\n") + 1
        if end == 0 and len(block) < _BLOCK:
            return None
        # A block without a single newline holds no record: a hole that a crash of the machine
        # has left. It is passed over.
        lines = block[:end].split(b"\n")[:-1]
        wanted = [line for line in self._after_start(lines) if self._query.wants(line)]
        self._offset += end or len(block)
        return wanted

    def _after_start(self, lines: list[bytes]) -> list[bytes]:
        """Leave out the records in front of the tail of their stream."""
        if self._starts is None:
            return lines
        chosen = []
        offset = self._offset
        for line in lines:
            record = parse_record(line)
            if record is not None and (self._index, offset) >= self._starts[record.stream]:
                chosen.append(line)
            offset += len(line) + 1
        if (self._index, offset) >= max(self._starts.values()):
            self._starts = None
        return chosen

    def _find_files(self) -> bool:
        if not self._follow:
            return False
        self._files = open_files(self._directory)
        return bool(self._files)

    def _next_file(self) -> bool:
        """Go on behind the end of a file; whether there is anything to go on with."""
        if self._index + 1 < len(self._files):
            self._index += 1
            self._offset = 0
            return True
        current = identify_current(self._directory) if self._follow else None
        if current in (None, self._files[self._index].identity):
            return False
        if not self._rotated:
            # The file has a successor, so it will not grow any more: once more to its end.
            self._rotated = True
            return True
        return self._switch()

    def _switch(self) -> bool:
        """Leave a file that was rotated away for the one that came after it."""
        here = self._files[self._index].identity
        files = open_files(self._directory)
        # The newest of those that have its inode: no other could get it since it was opened.
        after = next(
            (index for index in range(len(files), 0, -1) if files[index - 1].identity == here), 0
        )
        if after == len(files):
            close_files(files)
            return False
        self.missed += after == 0
        close_files(self._files + files[:after])
        self._files = files[after:]
        self._index = self._offset = 0
        self._rotated = False
        self._starts = None
        return True
