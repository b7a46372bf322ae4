"""A whole attack: resumed after it was killed, refused where it cannot be."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from attack_parts import CLASSES, make_images, make_parts, make_pixels, run_plain

from harness.attacks import produce as produce_module
from harness.attacks.folder import read_entries
from harness.attacks.produce import Order, produce, seed_generators
from harness.attacks.recipes import AmiPgd, Attack, CarliniL2, Fgsm, Glasses, PatchRecipe
from harness.attacks.sources import CleanSource, Sources
from harness.attacks.tasks import AttackTask
from harness.core.errors import InputError
from harness.core.examples import Example, list_examples
from harness.worker.records import RECORDS

FACTS = {"model": "test"}


@pytest.fixture(scope="module")
def parts():
    return make_parts()


@pytest.fixture(scope="module")
def sources(parts):
    images = make_images(10)
    gold = run_plain(parts[0], make_pixels(images)).argmax(1)
    gold[9] = (gold[9] + 1) % CLASSES  # one is classified wrongly
    found = [
        CleanSource(Example(f"s{number}", f"s{number}", "benign", int(label), None, ""), image)
        for number, (label, image) in enumerate(zip(gold, images, strict=True))
    ]
    return Sources(tuple(found), ("x.png: is no image",))


def make_order(folder, attack=None, **more):
    return Order(attack or Attack("fgsm", Fgsm(20)), folder, FACTS, batch=4, **more)


def run(order, parts, sources, show=None):
    seen = []
    produced = produce(order, *parts, sources, show or (lambda done, total: seen.append((done, total))))
    return produced, seen


def read_files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "attack.json"
    }


def test_what_is_kept_is_a_list_of_examples(parts, sources, tmp_path):
    produced, seen = run(make_order(tmp_path), parts, sources)
    assert seen == [(0, 9), (4, 9), (8, 9), (9, 9)]
    listed = list_examples(tmp_path / "examples.jsonl", CLASSES)
    assert len(listed) == produced.counts["kept"] == produced.counts["succeeded"] > 0
    assert {one.path.name for one in listed} == {path.name for path in (tmp_path / "images").iterdir()}
    assert produced.counts["misclassified"] == 1
    assert produced.counts["refused"] == 1
    assert produced.counts["sources"] == 11
    counted = sum(produced.counts[name] for name in ("succeeded", "lost_in_storing", "failed"))
    assert counted == produced.counts["attempted"] == 9
    assert produced.cases == {}
    written = json.loads((tmp_path / "attack.json").read_text())
    assert written["status"] == "done"
    assert written["counts"] == produced.counts
    assert written["recipe"] == {"eps": 20}
    assert written["refused"] == ["x.png: is no image"]
    assert set(written["versions"]) >= {"torch", "adversarial-robustness-toolbox", "python"}


class Killed(BaseException):
    """Stands for a kill: nothing is cleaned up after it."""


@pytest.mark.parametrize("cut", [b"", b'{"half": '])
def test_a_killed_attack_goes_on_where_it_was(parts, sources, tmp_path, cut):
    attack = Attack("cw_l2_next", CarliniL2(0.0, 10.0, 1, 4, 0.1), "next")
    whole, _ = run(make_order(tmp_path / "whole", attack), parts, sources)

    def kill(done, _total):
        if done == 8:
            raise Killed

    broken = make_order(tmp_path / "broken", attack)
    with pytest.raises(Killed):
        run(broken, parts, sources, kill)
    assert not (broken.output / "examples.jsonl").exists()
    assert json.loads((broken.output / "attack.json").read_text())["status"] == "begun"
    with (broken.output / RECORDS).open("ab") as file:
        file.write(cut)
    resumed, seen = run(broken, parts, sources)
    assert seen[0] == (8, 9)
    assert resumed.resumed == 8
    assert resumed.counts == whole.counts
    assert read_files(broken.output).keys() == read_files(tmp_path / "whole").keys()
    for name in ("examples.jsonl", RECORDS):
        assert (broken.output / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    again, seen = run(broken, parts, sources)
    assert seen == [(9, 9)]
    assert again.counts == whole.counts


def test_a_damaged_batch_is_made_again(parts, sources, tmp_path):
    order = make_order(tmp_path)
    run(order, parts, sources)
    before = read_files(tmp_path)
    data = (tmp_path / RECORDS).read_bytes()
    (tmp_path / RECORDS).write_bytes(data.replace(b'"source": "s5"', b'"source": "s6"'))
    _, seen = run(order, parts, sources)
    assert seen[0] == (4, 9)
    assert read_files(tmp_path) == before


def test_enough_is_enough(parts, sources, tmp_path):
    every, _ = run(make_order(tmp_path / "all"), parts, sources)
    assert every.counts["kept"] > 2
    some, seen = run(make_order(tmp_path / "some", keep=2), parts, sources)
    assert some.counts["kept"] == 2
    assert seen[-1][0] < 9
    assert len(list((tmp_path / "some" / "images").iterdir())) == 2
    lines = [(tmp_path / name / "examples.jsonl").read_text().splitlines() for name in ("all", "some")]
    assert lines[0][:2] == lines[1]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"attack": Attack("fgsm", Fgsm(21))}, "recipe"),
        ({"seed": 1}, "seed"),
        ({"keep": 3}, "keep"),
        ({"facts": {"model": "other"}}, "model"),
    ],
)
def test_a_folder_of_another_attack_is_left_alone(parts, sources, tmp_path, change, name):
    order = make_order(tmp_path)
    run(order, parts, sources)
    before = read_files(tmp_path)
    with pytest.raises(InputError, match=f"which differs in {name}; choose another --output"):
        run(dataclasses.replace(order, **change), parts, sources)
    assert read_files(tmp_path) == before


def test_other_files_are_left_alone(parts, sources, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.png").write_bytes(b"dear")
    with pytest.raises(InputError, match="holds other files"):
        run(make_order(tmp_path), parts, sources)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(make_order(tmp_path / "file"), parts, sources)


def test_a_folder_of_other_things_is_not_written_into(parts, sources, tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(InputError, match=r"holds other files, and no attack\.json"):
        run(make_order(tmp_path), parts, sources)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_start_that_was_killed_at_once_does_not_bar_the_next(parts, sources, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / ".lock").touch()
    (tmp_path / ".making-0123abcd").write_text("{")
    produced, _ = run(make_order(tmp_path), parts, sources)
    assert produced.counts["attempted"] == 9


@pytest.mark.parametrize("text", ["[1]", "{", "null", "[" * 100_000])
def test_a_damaged_record_of_the_attack_is_named(parts, sources, tmp_path, text):
    run(make_order(tmp_path), parts, sources)
    (tmp_path / "attack.json").write_text(text)
    with pytest.raises(InputError, match=r"attack\.json: is no record of an attack"):
        run(make_order(tmp_path), parts, sources)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": 1}, "'outcome' must be a text"),
        ({"parameters": []}, "'parameters' must be a table"),
        ({"file": "../secret"}, "lies outside"),
        ({"file": "images/link"}, "is a link"),
        (None, "has no 'outcome'"),
    ],
)
def test_attempts_that_are_none_are_named_by_their_line(parts, sources, tmp_path, change, words):
    run(make_order(tmp_path), parts, sources)
    lines = (tmp_path / RECORDS).read_text().splitlines()
    entry = json.loads(lines[1])
    if change is None:
        del entry["outcome"]
    lines[1] = json.dumps({**entry, **(change or {})})
    (tmp_path / RECORDS).write_text("\n".join(lines))
    (tmp_path / "images" / "link").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match=rf"records\.jsonl:2: .*{words}|{words}"):
        read_entries(tmp_path)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"else")])
def test_an_image_that_is_not_what_was_made_is_named(parts, sources, tmp_path, damage):
    run(make_order(tmp_path), parts, sources)
    path = max((tmp_path / "images").iterdir())
    damage(path)
    with pytest.raises(InputError, match=f"{path.name}: is missing or was changed"):
        run(make_order(tmp_path), parts, sources)


def test_what_cannot_be_written_is_one_error_and_goes_on_later(parts, sources, tmp_path):
    resource = pytest.importorskip("resource", reason="files' sizes are limited on POSIX systems alone")
    whole, _ = run(make_order(tmp_path / "whole"), parts, sources)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = (tmp_path / "whole" / RECORDS).stat().st_size * 2 // 3
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(InputError, match=r"cannot be written.*make room and start it again"):
            run(make_order(tmp_path / "full"), parts, sources)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    again, _ = run(make_order(tmp_path / "full"), parts, sources)
    assert (again.resumed, again.counts) == (4, whole.counts)
    assert read_files(tmp_path / "full") == read_files(tmp_path / "whole")


def test_two_attacks_do_not_write_into_one_folder(parts, sources, tmp_path):
    def start_another(done, _total):
        if done == 4:
            run(make_order(tmp_path), parts, sources)

    with pytest.raises(InputError, match="another attack is being written there"):
        run(make_order(tmp_path), parts, sources, start_another)


def test_every_candidate_of_carlini_s_attack_has_its_record(sources, tmp_path):
    parts = make_parts(steered=True)
    recipe = AmiPgd(eps=20, iterations=10)
    order = make_order(tmp_path, Attack("ami-pgd", recipe, "each", "npy"), targets=(0, 1, 4))
    produced, _ = run(order, parts, sources)
    records = [json.loads(line) for line in (tmp_path / RECORDS).read_text().splitlines()]
    walked = {
        (one["source"], one["target"], one["parameters"]["loss"], one["parameters"]["step"])
        for one in records
    }
    assert len(records) == len(walked) == produced.counts["attempted"]
    assert {one["parameters"]["step"] for one in records} == {2.0, 0.4}
    assert all(one["target"] != one["gold"] for one in records)
    assert sum(tally["attempted"] for tally in produced.ways.values()) == len(records)
    assert len(produced.ways) == 4
    assert sum(produced.cases.values()) == len(records)
    assert produced.cases["X-Y-Y"] == produced.counts["succeeded"]
    assert produced.cases["X-X-X"] + produced.cases["X-X-Y"] > 0
    kept = [one for one in records if one["original"] == one["attribute"] != one["gold"]]
    assert {one["outcome"] for one in kept} <= {"kept"}
    assert len(kept) == produced.counts["kept"] < len(records)
    if kept:
        listed = list_examples(tmp_path / "examples.jsonl", CLASSES)
        assert {one.npy for one in listed} == {"bgr-minus-mean"}


def test_nothing_to_attack_is_named(parts, sources, tmp_path):
    wrong = Sources(sources.sources[9:], ())
    with pytest.raises(InputError, match="nothing to attack: of 1 clean images, 1 are classified wrongly"):
        run(make_order(tmp_path), parts, wrong)
    assert not (tmp_path / "attack.json").exists()


def test_glasses_need_landmarks(parts, sources, tmp_path):
    order = make_order(tmp_path, Attack("glasses_next", Glasses(), "next"))
    with pytest.raises(InputError, match="has no landmarks"):
        run(order, parts, sources)


def test_patches_are_painted_where_they_belong(parts, sources, tmp_path):
    order = make_order(tmp_path, Attack("patch_next", PatchRecipe(0.25, 0.5, 32.0, 20), "next"))
    tasks = [AttackTask(f"t{number}", 0, number, 6) for number in range(3)]
    attempts = produce_module.run_tasks(order, *parts, sources.sources, tasks, 0)
    for attempt, source in zip(attempts, sources.sources, strict=False):
        changed = (attempt.stored.pixels != source.pixels).any(-1)
        assert changed[4:12, 4:12].mean() > 0.9
        assert changed.sum() == changed[4:12, 4:12].sum()


def test_what_is_random_hangs_on_seed_and_place():
    drawn = []
    for seed, place in ((0, 0), (0, 0), (1, 0), (0, 4)):
        seed_generators(seed, place)
        drawn.append(np.random.uniform())  # noqa: NPY002 - the toolbox's generator
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
