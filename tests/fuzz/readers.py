"""Every reader of a file."""

from fuzz import kept, made, run

READERS = {one.name: one for one in (*made.READERS, *run.READERS, *kept.READERS)}
