"""How much is read of what others have made: sizes, lengths, counts and depths above any real one."""

from __future__ import annotations

MIB = 1 << 20
MAX_JOB_BYTES = 64 * MIB  # a job names its examples, where not all are asked for
MAX_CELL_BYTES = 64 * MIB  # it holds its job
MAX_BATCH_BYTES = 256 * MIB  # of the records of one batch
MAX_RUN_BYTES = 1024 * MIB  # run.json names all examples
MAX_CSV_BYTES = 128 * MIB
MAX_EVIDENCE_BYTES = 1024 * MIB  # unpacked
MAX_LIST_BYTES = 512 * MIB  # a list of a million examples takes 300 MB
MAX_ARRAY_BYTES = 256 * MIB  # of one that a trace holds; an image of 89 megapixels
MAX_TRACE_BYTES = 1024 * MIB  # of one example; full-size VGG-Face takes 100 MB
MAX_SUMMARY_BYTES = 2048 * MIB
MAX_LANDMARK_BYTES = 256 * MIB  # of 100,000 images
MAX_LOG_BYTES = 256 * MIB  # of a notebook
MAX_TEXT_BYTES = 16 * MIB  # labels
MAX_WITNESS_BYTES = 1 * MIB  # published files take 2 kB
MAX_PROTOTXT_BYTES = 4 * MIB  # its parser is slow; a network of 150 layers takes 130 kB
MAX_TABLE_BYTES = 1 * MIB  # TOML
MAX_NOTE_BYTES = 64 * MIB  # small JSON files that the cache keeps
MAX_END_BYTES = 64 << 10  # of a log
MAX_LINE_BYTES = 1 * MIB  # one record, one listed example
MAX_DEPTH = 32  # of tables and lists within each other
MAX_LAYERS = 10_000
MAX_CELLS = 1000  # of a run; every two of them are compared
MAX_LABELS = 200_000
MAX_PARAMETERS = 100  # of a cell
MAX_MENTIONS = 100  # of a channel in one witness file; published ones list it once or twice
MAX_PART = 255  # bytes of a file's name, as file systems have it
MAX_NAME = 1024  # characters of an id, a name, a label, a path
MAX_KEY = 4096  # characters of a key of JSON; some are paths
MAX_ENTRIES = 100_000  # of what a cell says of its environment; an image has 3,000 packages
MAX_VALUE = 100_000  # characters of each of them
MAX_REASON = 2000  # characters of what a cell says of one example
MAX_INTEGER = (1 << 64) - 1
MIN_INTEGER = -(1 << 63)
