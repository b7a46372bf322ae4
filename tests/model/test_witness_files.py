"""Which witness set a port runs with, and what is said where it is another port's."""

import pytest
from model_folders import TABLE, make_folder

from harness.ami.port import ATTRIBUTES, PRESETS
from harness.core.errors import InputError
from harness.model.folder import MODELS, read_model, read_model_table
from harness.model.witness_files import NAMES, choose_set, note_others

OWN = "\n".join(f'{one} = "own/{one}_neurons.txt"' for one in ATTRIBUTES)
ALL = TABLE[TABLE.index("[witnesses]") : TABLE.index("[preprocess]")]


def read(folder, *tables, **more):
    """The model with other tables in the place of its witnesses'."""
    (folder / "model.toml").write_text(TABLE.replace(ALL, "\n".join(tables) + "\n"))
    return read_model(folder, **more)


def write_set(folder, port):
    folder.mkdir(exist_ok=True)
    for attribute in ATTRIBUTES:
        (folder / NAMES[port].format(attribute)).write_text("relu2_2->1\n")
    return folder


def name_sets(model):
    """The folder and file of the set that each port runs with."""
    places = {port: choose_set(model.witness_sets, port).files["nose"] for port in NAMES}
    return {port: f"{place.parent.name}/{place.name}" for port, place in places.items()}


@pytest.fixture(name="folder")
def make_model(tmp_path):
    folder = make_folder(tmp_path / "small")
    write_set(folder / "own", "pytorch-port")
    return folder


NOTEBOOKS = ALL.replace("[witnesses]", "[witnesses_of.notebook]")
PORTS = f"[witnesses_of.pytorch-port]\n{OWN}"


@pytest.mark.parametrize(
    ("tables", "sets", "others"),
    [
        ([ALL], ["witnesses/nose_witness.txt"] * 2, []),
        ([NOTEBOOKS, PORTS], ["witnesses/nose_witness.txt", "own/nose_neurons.txt"], []),
        ([ALL, PORTS], ["witnesses/nose_witness.txt", "own/nose_neurons.txt"], []),
        ([NOTEBOOKS], ["witnesses/nose_witness.txt"] * 2, ["port pytorch-port runs with the witness set"]),
        ([PORTS], ["own/nose_neurons.txt"] * 2, ["port notebook runs with the witness set"]),
    ],
)  # fmt: skip
def test_a_port_takes_its_own_set_or_one_for_all(folder, tables, sets, others):
    model = read(folder, *tables)
    assert list(name_sets(model).values()) == sets
    notes = note_others(model.witness_sets, list(NAMES))
    assert len(notes) == len(others)
    assert all(words in note for words, note in zip(others, notes, strict=True))


def test_a_folder_that_is_handed_in_is_of_the_port_whose_names_its_files_have(folder, tmp_path):
    notebook, port = (write_set(tmp_path / name, name) for name in NAMES)
    (note,) = note_others(read(folder, ALL, witnesses=notebook).witness_sets, list(NAMES))
    assert note.startswith(
        f"port pytorch-port runs with the witness set of port notebook ({notebook}); its own"
    )
    assert note.endswith("--witnesses, or into model.toml as [witnesses_of.pytorch-port]")
    assert note_others(read(folder, ALL, witnesses=port).witness_sets, ["pytorch-port"]) == []
    assert len(note_others(read(folder, ALL, witnesses=port).witness_sets, ["notebook"])) == 1
    write_set(notebook, "pytorch-port")
    both = read(folder, ALL, witnesses=notebook)
    assert list(name_sets(both).values()) == ["notebook/nose_witness.txt", "notebook/nose_neurons.txt"]
    assert note_others(both.witness_sets, list(NAMES)) == []


def test_a_folder_with_some_files_of_either_name_serves_all(folder, tmp_path):
    mixed = write_set(tmp_path / "mixed", "notebook")
    (mixed / "nose_witness.txt").rename(mixed / "nose_neurons.txt")
    model = read(folder, ALL, witnesses=mixed)
    assert set(name_sets(model).values()) == {"mixed/nose_neurons.txt"}
    assert note_others(model.witness_sets, list(NAMES)) == []
    (mixed / "nose_neurons.txt").unlink()
    with pytest.raises(InputError, match=r"nose_witness\.txt or .*nose_neurons\.txt expected"):
        read(folder, ALL, witnesses=mixed)


def test_a_set_that_lacks_a_file_is_refused_where_its_port_runs(folder):
    (folder / "own" / "nose_neurons.txt").unlink()
    model = read(folder, NOTEBOOKS, PORTS)
    assert len(choose_set(model.witness_sets, "notebook").files) == 4
    with pytest.raises(InputError, match=r"no witnesses of nose .*own/nose_neurons\.txt expected"):
        choose_set(model.witness_sets, "pytorch-port")
    with pytest.raises(InputError, match="no witnesses of nose"):
        read(folder, PORTS)


def test_wrong_tables_are_named(folder):
    with pytest.raises(InputError, match=r"witnesses_of\.matlab: no such port; there are notebook"):
        read(folder, ALL, PORTS.replace("pytorch-port", "matlab"))
    with pytest.raises(InputError, match=r"witnesses_of\.pytorch-port\.ear: unknown key; there are leye"):
        read(folder, ALL, PORTS.replace("nose =", "ear ="))


def test_vgg_face_says_whose_its_sets_are_and_where_each_comes_from():
    table = read_model_table(MODELS / "vgg-face" / "model.toml")
    assert table.witnesses is None
    assert set(table.witnesses_of) == set(NAMES) == set(PRESETS)
    taken = set(table.fetch["ami-data"].take.values())
    for port, files in table.witnesses_of.items():
        assert files.mouth.rpartition("/")[2] == NAMES[port].format("mouth")
        assert f"{files.mouth.rpartition('/')[0]}/" in taken


def test_the_bundled_model_has_one_set_for_all_ports():
    sets = read_model("tiny-vgg-face").witness_sets
    assert [one.port for one in sets] == [None]
