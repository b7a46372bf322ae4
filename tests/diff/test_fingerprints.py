"""Surroundings: what can change numbers is told, what says only where or when is not."""

import copy

import pytest
from past_runs import FINGERPRINT, make_cell

from harness.backends import NAMES
from harness.diff.fingerprints import FRAMEWORKS, compare_cells, split_builds


def compare(change, other=None):
    """Differences from a cell to the same cell after a change."""
    first = make_cell("a")
    second = copy.deepcopy(first)
    change(second)
    if other is not None:
        other(first)
    return compare_cells(first, second)


def tell(differences):
    return [(one.what, one.baseline, one.here) for one in differences]


def test_equal_cells_do_not_differ():
    assert compare_cells(make_cell("a"), make_cell("a")) == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.update(timings={"run_seconds": 9}, peak_memory_bytes=5, error=None),
        lambda cell: cell["job"].update(output="/x", cell="m/z", environment="z"),
        lambda cell: cell["job"]["model"].update(network="/x", caffemodel="/y", prototxt="/z"),
        lambda cell: cell["job"]["examples"].update(path="/x", files="/y"),
        lambda cell: cell["job"]["parameters"].update(alpha=100),
        lambda cell: cell["job"].update(task="judge", detector="ami"),  # as earlier jobs did without saying
        lambda cell: cell["fingerprint"]["cpu"]["flags"].reverse(),
    ],
)
def test_times_and_places_are_no_differences(change):
    assert compare(change) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda cell: cell["job"].update(backend="caffe"), ("backend", "pytorch", "caffe")),
        (lambda cell: cell["job"].update(decoder="opencv"), ("decoder", "pillow", "opencv")),
        (lambda cell: cell["job"].update(detector="other"), ("detector", "ami", "other")),
        (lambda cell: cell["job"].update(batch_size=1), ("batch size", "8", "1")),
        (
            lambda cell: cell["job"]["settings"].update(precision="float64"),
            ("precision", "float32", "float64"),
        ),
        (lambda cell: cell["job"]["parameters"].update(beta=50.0), ("beta", "60", "50")),
        (lambda cell: cell["job"]["port"]["rules"].update(ddof=1), ("port rule ddof", "0", "1")),
        (lambda cell: cell["job"]["examples"].update(npy="raw-rgb"), (".npy convention", None, "raw-rgb")),
        (
            lambda cell: cell["job"]["model"]["preprocess"]["mean"].reverse(),
            ("preprocess mean", "[1, 2, 3]", "[3, 2, 1]"),
        ),
        (lambda cell: cell["fingerprint"].update(python="3.9"), ("Python", "3.11.2", "3.9")),
        (lambda cell: cell["fingerprint"].update(libc="musl"), ("C library", "glibc 2.36", "musl")),
        (lambda cell: cell["fingerprint"]["versions"].update(torch="2.6"), ("torch", "2.5", "2.6")),
        (
            lambda cell: cell["fingerprint"]["versions"].update(
                {"torch build": "MKL 2024; CPU capability usage: DEFAULT"}
            ),
            ("torch build, CPU capability usage", "AVX2", "DEFAULT"),
        ),
        (
            lambda cell: cell["fingerprint"]["variables"].update(MKL_CBWR="COMPATIBLE"),
            ("variable MKL_CBWR", None, "COMPATIBLE"),
        ),
        (lambda cell: cell["fingerprint"]["cpu"].update(model="Other"), ("processor", "Some CPU", "Other")),
        (lambda cell: cell["fingerprint"]["cpu"]["flags"].remove("avx2"), ("instruction sets", "avx2", None)),
        (lambda cell: cell["fingerprint"]["packages"].pop("pillow"), ("package pillow", "11.0", None)),
        (lambda cell: cell["hashes"].update(worker="0" * 64), ("worker code", "f" * 12, "0" * 12)),
        (lambda cell: cell["hashes"].update(layers="0" * 64), ("network layers", "d" * 12, "0" * 12)),
        (lambda cell: cell["hashes"].update(examples="0" * 64), ("examples", "e" * 12, "0" * 12)),
        (
            lambda cell: cell["hashes"]["witnesses"].update(nose="0" * 64),
            ("witnesses of nose", "c" * 12, "0" * 12),
        ),
        (
            lambda cell: cell["hashes"]["parameters"].update({"conv1.bias": "0" * 64}),
            ("weights", f"conv1.bias {'b' * 24}", f"conv1.bias {'0' * 24}"),
        ),
    ],
)
def test_what_can_change_numbers_is_told(change, line):
    (difference,) = compare(change)
    assert tell([difference]) == [line]
    assert difference.matters


def test_a_network_that_an_earlier_version_did_not_say_is_no_other():
    assert compare(lambda cell: cell["hashes"].pop("layers")) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda cell: cell["fingerprint"].update(kernel="Linux 5"), ("kernel", "Linux 6.1", "Linux 5")),
        (
            lambda cell: cell["fingerprint"]["packages"].update(attrs="26", zope="1"),
            ("other packages", "attrs 25.1", "attrs 26, zope 1"),
        ),
        (
            lambda cell: cell["fingerprint"]["cpu"]["flags"].append("hypervisor"),
            ("other processor flags", None, "hypervisor"),
        ),
    ],
)
def test_what_computes_nothing_matters_less(change, line):
    (difference,) = compare(change)
    assert tell([difference]) == [line]
    assert not difference.matters


def test_what_matters_comes_first():
    differences = compare(
        lambda cell: cell["fingerprint"].update(
            kernel="x", numpy="1", packages={**FINGERPRINT["packages"], "attrs": "1"}
        )
    )
    assert [one.matters for one in differences] == [True, False, False]


def test_a_port_is_told_with_the_rules_that_differ():
    lines = tell(compare(lambda cell: cell["job"].update(port={"preset": "pytorch-port", "rules": {}})))
    assert lines[0] == ("port", "notebook", "pytorch-port")
    assert ("port rule duplicates", "sequential", "product-per-attribute") in lines


def test_the_rules_that_a_cell_says_it_had_count():
    """What a preset comes to may be another thing today."""
    lines = tell(
        compare(lambda cell: cell.update(port={"ddof": 1}), lambda cell: cell.update(port={"ddof": 0}))
    )
    assert lines == [("port rule ddof", "0", "1")]


def test_a_port_that_nobody_knows_is_told_by_its_own_rules():
    lines = tell(compare(lambda cell: cell["job"].update(port={"preset": "new", "rules": {"odd": 1}})))
    assert ("port", "notebook", "new") in lines
    assert ("port rule odd", None, "1") in lines


def test_threads_are_told_once():
    def change(cell):
        cell["fingerprint"].update(threads=2, variables={"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "4"})

    assert tell(compare(change)) == [("threads", "1", "2"), ("variable MKL_NUM_THREADS", None, "4")]
    lines = tell(compare(lambda cell: cell["fingerprint"].update(threads=2)))
    assert lines == [("threads", "1", "2"), ("variable OMP_NUM_THREADS", "as threads", "1")]


def add_image(packages):
    stamp = {"tag": "t", "id": "i", "architecture": "amd64"}
    return lambda cell: cell["fingerprint"].update(image={**stamp, "packages": {"debian": packages}})


def test_packages_of_two_images_are_compared_and_of_one_are_not():
    here = {"libc6": "2", "libopenblas0-pthread": "0.3", "libtorch2.6": "2", "libcaffe1": "1", "adduser": "1"}
    lines = tell(compare(add_image(here), add_image({"libc6": "1"})))
    assert lines == [
        ("image package libc6", "1", "2"),
        ("image package libopenblas0-pthread", None, "0.3"),
        ("image package libtorch2.6", None, "2"),
        ("other image packages", None, "libcaffe1 1, adduser 1"),
    ]
    assert not any("package" in what for what, *_ in tell(compare(add_image(here))))


def test_long_lists_are_cut():
    def change(cell):
        cell["fingerprint"]["cpu"]["flags"] += [f"avx{number}" for number in range(3, 13)]

    ((_, _, here),) = tell(compare(change))
    assert here == "avx3, avx4, avx5, avx6, avx7, avx8 and 4 more"


def test_a_cell_without_a_fingerprint_says_so_and_no_more():
    lines = tell(compare(lambda cell: cell.pop("fingerprint")))
    assert lines == [("fingerprint", "recorded", None)]


@pytest.mark.parametrize("flags", ["avx", [{"a": 1}, 5], None, {"avx": 1}])
def test_flags_of_another_kind_are_none(flags):
    (line,) = tell(
        compare(
            lambda cell: cell["fingerprint"]["cpu"].update(flags=flags),
            lambda cell: cell["fingerprint"]["cpu"].update(flags=["avx"]),
        )
    )
    assert line == ("instruction sets", "avx", None)


@pytest.mark.parametrize("cell", [{}, {"job": 5, "fingerprint": [], "hashes": None}, {"job": {"model": "x"}}])
def test_cells_that_say_nothing_are_compared(cell):
    assert compare_cells(cell, cell) == ()
    assert compare_cells(cell, make_cell("a"))


class Word(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Word.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


class Settings(str):
    """Build settings whose parts count."""

    __slots__ = ()

    def split(self, mark):
        return [Word(one) for one in str.split(self, mark)]


def test_long_lists_of_build_settings_are_compared_in_one_go():
    ours = Settings("; ".join(f"k{number}: {number}" for number in range(2000)))
    theirs = Settings("; ".join(f"k{number}: {number + number % 2}" for number in range(2000)))
    _, baseline, here = split_builds(ours, theirs)
    assert (len(baseline.split("; ")), len(here.split("; "))) == (1000, 1000)
    assert Word.compared < 20_000


def test_every_backends_own_packages_are_known():
    assert set(FRAMEWORKS) == set(NAMES) - {"reference"}
