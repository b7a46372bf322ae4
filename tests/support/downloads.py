"""What downloads need: policy, a screen that keeps what it is told, an archive, a table that names it."""

import gzip

from hostile_server import pack_archive

from harness.fetch.download import (
    RetryPolicy,
)

FILES = {"top/w/a.txt": b"witnesses", "top/names.txt": b"names"}
TABLE = """
[fetch.data]
about = "Some data."
url = "{url}"
{more}
[fetch.data.take]
"*/w/" = "witnesses/"
"*/names.txt" = "names.txt"
"""

# Only who means to wait in vain gives up soon: a busy machine may keep a sound server from answering.
POLICY = RetryPolicy(
    connect_seconds=300,
    read_seconds=300,
    tries=3,
    first_wait_seconds=0.01,
    most_wait_seconds=0.05,
    window_seconds=300,
    window_bytes=1000,
)


class Lines:
    """A screen that keeps what it is told."""

    def __init__(self):
        self.lines, self.counts = [], []

    def say(self, text):
        self.lines.append(text)

    def show_bytes(self, done, total):
        self.counts.append((done, total))

    def __str__(self):
        return "\n".join(self.lines)


def pack(files=None, level=9):
    """An archive of files; the level changes its bytes and nothing else."""
    return gzip.compress(gzip.decompress(pack_archive(*(files or FILES).items())), level, mtime=0)
