"""`harness numerics`, end to end: orders, classes and predictions of two environments, in all reports."""

import json

from command_line import ENVIRONMENT, disguise, list_runs, make_harness, make_root

FIXTURES = (make_root, make_harness)


def make_run(harness, root, *names):
    for one in ("c", "d"):
        (root / "environments" / f"{one}.toml").write_text(ENVIRONMENT.replace("float64", "float32"))
    disguise(root / "environments", root / "home")
    code, out, err = harness("run", "--model", "small", *(f"--environment={one}" for one in names))
    assert code in (0, 1), out + err
    return list_runs(root)[-1]


def test_environments_are_put_into_classes(harness, root):
    folder = make_run(harness, root, "a", "b", "c")
    code, out, err = harness("numerics", folder, "--json")
    assert code == 0, out + err
    found = json.loads(out)
    assert (found["examples"], found["environments"]) == (6, ["a", "b", "c"])
    (split,) = found["splits"]
    assert (split["blob"], split["parts"]) == ("data", [["b", "c"], ["a"]])
    assert split["properties"][0] == {"name": "setting precision", "values": ["float32", "float64"]}
    assert found["single"]["equal"] == found["single"]["total"] > 0
    assert [
        found[name][wrong] for name in ("passes", "single") for wrong in ("wrong_equal", "wrong_different")
    ] == [0] * 4
    assert all(one["is_plain"] for layer in found["layers"] for one in layer["orders"])


def test_all_reports_say_it(harness, root):
    folder = make_run(harness, root, "a", "b")
    assert "Last bits" not in (folder / "report.html").read_text()
    code, out, err = harness("numerics", folder, "--most", "4")
    assert code == 0, out + err
    assert "2 classes of equal bits among 2 environments, by 4 examples" in out
    for name in ("report.txt", "report.md", "report.html"):
        text = (folder / name).read_text()
        assert "2 classes of equal bits among 2 environments, by 4 examples" in text
        assert "setting precision: float" in text
    assert json.loads((folder / "summary.json").read_text())["numerics"]["examples"] == 4


def test_orders_are_kept_as_cells_are(harness, root):
    folder = make_run(harness, root, "b", "c")
    assert harness("numerics", folder, "--most", "2")[0] == 0
    before = sorted((root / "home" / "store").iterdir())
    code, _, err = harness("numerics", folder, "--most", "3")
    assert code == 0, err
    new = [one for one in (root / "home" / "store").iterdir() if one not in before]
    tasks = [json.loads((one / "cell.json").read_text())["job"]["task"] for one in new]
    assert sorted(tasks) == ["blobs", "blobs", "trace"]  # no orders


def test_layers_are_added_up_here_where_asked_for(harness, root):
    folder = make_run(harness, root, "a", "b")
    code, out, err = harness("numerics", folder, "--most", "2", "--replay", "--json")
    assert code == 0, out + err
    replays = json.loads(out)["replays"]
    whole = {one["blob"] for one in replays["b"] if one["equal"] == one["values"] > 0}
    others = {one["blob"]: one["why"] for one in replays["b"] if one["blob"] not in whole}
    assert {"conv1_1", "conv4_3", "fc6", "fc8"} <= whole
    assert set(others) == {"conv5_1", "conv5_2", "conv5_3"}  # of 2 x 2 values, all at the border
    assert all("no output's window lies inside" in why for why in others.values())
    assert {one["why"] for one in replays["a"] if one["blob"] in whole} == {"in float64"}
    assert "b: NumPy, adding in its order, has the bits of" in (folder / "report.txt").read_text()


def test_what_there_is_not_is_one_line(harness, root):
    folder = make_run(harness, root, "b", "c")
    (root / "environments" / "c.toml").unlink()
    code, _, err = harness("numerics", folder)
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "there is no environments/c.toml here" in err
    code, _, err = harness("numerics", "nowhere")
    assert (code, len(err.strip().splitlines())) == (2, 1)
