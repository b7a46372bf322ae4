"""Readers of what the harness keeps: converted models, the cache, what was fetched."""

import io
import json
import shutil
import tarfile

import nets
import numpy as np
import picture_files

from fuzz.drive import Reader
from harness.core.examples import hash_bytes
from harness.core.network_files import read_network, read_weights
from harness.core.traces import read_trace, write_arrays, write_index
from harness.fetch.ledger import FetchRecord, read_ledger, write_record
from harness.fetch.part import PartialDownload, Validators
from harness.fetch.unpack import unpack_archive
from harness.images import lock
from harness.images.base import read_mirror
from harness.images.wheelhouse import has_all_wheels
from harness.matrix.durations import read_durations
from harness.model.sources import SourceTable
from harness.system.cache import read_hashes
from harness.system.sealed import read_sealed, write_sealed
from harness.worker.records import append_batch, keep_whole_batches

NETWORK = nets.face_like_network()
PNG = picture_files.plain_png()
FACTS = {"schema": 1, "model": "m", "seed": 0}
ATTEMPT = {
    "source": "s", "attack": "fgsm", "gold": 1, "target": 2, "parameters": {"eps": 8.0}, "case": "X-Y-Y",
    "file": "images/a.png", "sha256": hash_bytes(PNG),
}  # fmt: skip
OUTCOMES = ({"example": "a", "outcome": "kept"}, {"example": "b", "outcome": "failed"})


def write_json(path, data):
    """Write plain data."""
    path.write_text(json.dumps(data), encoding="utf-8")


def seed_network(folder):
    """A converted model."""
    nets.write_folder(folder / "network", NETWORK)


def read_converted(folder):
    """Network and parameters of a converted model."""
    network = read_network(folder / "network")
    return read_weights(folder / "network", network)


def seed_cache(folder):
    """Every small file that the cache, the lock and a model's folder have."""
    (folder / "file").write_bytes(b"x")
    hashes = read_hashes(folder)
    hashes.hash_file(folder / "file")
    hashes.save()
    write_json(folder / "durations.json", {"a": 1.5, "b": 2})
    contents = lock.ImageContents("t:1", "sha256:1", "sha256:0", {"debian": {"a": "1"}, "python": {}})
    lock.write_lock(folder / "images.lock", {"one": contents})
    write_record(folder, "data", FetchRecord("https://a/b", "ab", "2026-01-01", {"file": (1, "cd")}))
    PartialDownload(folder / "x.part", folder / "x").begin(Validators('"e"', "then", 9))
    write_sealed(folder / "sealed.json", {"a": [1, 2]})
    (folder / "wheels.txt").write_text("a==1 --hash=sha256:ab\n")
    (folder / "sources.list").write_text("deb http://deb.example/debian trixie main\n")


def read_cache(folder):
    """All of them."""
    read_hashes(folder).hash_file(folder / "file")
    read_durations(folder)
    read_mirror(folder)
    has_all_wheels(folder)
    read_sealed(folder / "sealed.json", dict[str, list[int]])
    PartialDownload(folder / "x.part", folder / "x").read_validators()
    read_ledger(folder)
    return lock.read_lock(folder / "images.lock")


def seed_attack(folder):
    """An attack's attempts, of which one was kept."""
    from harness.attacks.folder import hash_facts, write_facts  # these bring a framework with them

    write_facts(folder, {**FACTS, "status": "begun"})
    (folder / "images").mkdir()
    (folder / "images" / "a.png").write_bytes(PNG)
    append_batch(folder, hash_facts(FACTS), [{**ATTEMPT, **one} for one in OUTCOMES])


def read_attack(folder):
    """What an attack that goes on reads, and what it lists."""
    from harness.attacks import folder as files
    from harness.attacks.results import count_cases, tally

    files.check_facts(folder, FACTS)
    entries = files.read_entries(folder)
    files.check_images(folder, entries, None)
    keep_whole_batches(folder, files.hash_facts(FACTS), [["a", "b"]])
    return [files.list_example(one) for one in entries], tally(entries), count_cases(entries)


MEMBERS = {"top/data/a.npy": b"array" * 99, "top/names.txt": b"names", "top/more": b"x"}


def seed_archives(folder):
    """An archive, plain and packed."""
    for name, mode in (("a.tar", "w"), ("b.tar.gz", "w:gz")):
        with tarfile.open(folder / name, mode) as tar:
            for member, data in MEMBERS.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def unpack_archives(folder):
    """What is wanted of both."""
    take = {"*/data/": "ami/", "*/names.txt": "labels.txt"}
    table = SourceTable("https://h/a", take, most_unpacked_bytes=1 << 20)
    for name in ("a.tar", "b.tar.gz"):
        staging = folder / f"staging-{name}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        unpack_archive(folder / name, staging, table)


def seed_trace(folder):
    """A trace of one example, of two blobs."""
    values = {"plain/a": np.ones((2, 3, 3), "f4"), "steered/a/after": np.ones((2, 3, 3), "f4")}
    write_arrays(folder / "x.npz", {**values, "steered/b": np.zeros(4), "logits/plain": np.zeros(4, "f4")})
    blobs = [{"name": "a", "shape": [2, 3, 3]}, {"name": "b", "shape": [4]}]
    example = {"example": "e", "archive": "x.npz", "bytes": 1, "sha256": "0", "hashes": {"file": "0"}}
    more = {"model": "m", "hashes": {}, "port": {}, "parameters": {}}
    write_index(folder, {"schema": 1, "blobs": blobs, "examples": [example], **more})


def read_whole_trace(folder):
    """Both passes of it, as far as they are there."""
    trace = read_trace(folder)
    return [(trace.read_plain(one, "a"), trace.read_steered(one, "a")) for one in trace.examples]


READERS = (
    Reader("trace", seed_trace, read_whole_trace),
    Reader("network", seed_network, read_converted),
    Reader("cache", seed_cache, read_cache, writes=True),
    Reader("attack", seed_attack, read_attack, writes=True),
    Reader("archives", seed_archives, unpack_archives),
)
