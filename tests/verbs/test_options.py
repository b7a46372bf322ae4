"""An option that takes one value is refused where it is given twice, in every verb.

Verbs are parsed and never called: some remove images, or download gigabytes.
"""

import pytest
import typer

from harness.cli import app, main
from harness.core.errors import InputError


def list_verbs(command, words=()):
    """Every verb with the words that call it."""
    if hasattr(command, "commands"):
        for name, one in command.commands.items():
            yield from list_verbs(one, (*words, name))
    else:
        yield words, command


def list_single():
    """Every option that takes one value, or none, with its verb."""
    for words, verb in list_verbs(typer.main.get_command(app)):
        for option in verb.params:
            if option.param_type_name == "option" and not option.multiple:
                values = [] if option.is_flag else ["3"] * option.nargs
                name = " ".join([*words, option.opts[0]])
                yield pytest.param(verb, [option.opts[0], *values], id=name)


@pytest.mark.parametrize(("verb", "option"), list(list_single()))
def test_an_option_of_one_value_is_refused_where_it_is_given_twice(verb, option):
    with pytest.raises(InputError) as caught:
        verb.make_context("verb", [*option, *option])
    assert str(caught.value) == f"{option[0]}: is given twice; give it once"


def test_there_are_such_options_in_every_kind_of_verb():
    found = {one.id for one in list_single()}
    assert {"matrix --beta", "diff --pair", "images build --mirror", "report --json"} <= found
    assert len(found) > 60


@pytest.mark.parametrize(
    ("words", "often"),
    [
        (["--beta", "5", "--beta=5"], "twice"),
        (["--beta=5", "--npy", "auto", "--beta", "60"], "twice"),
        (["--beta", "5"] * 3, "3 times"),
    ],
)
def test_however_it_is_written_it_counts_and_is_one_line(monkeypatch, capsys, words, often):
    monkeypatch.setattr("sys.argv", ["harness", "matrix", "--model", "no-such-model", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code, *capsys.readouterr()) == (
        2,
        "",
        f"harness: --beta: is given {often}; give it once\n",
    )


def test_options_that_take_several_values_are_given_as_often_as_one_likes():
    (verb,) = [one for words, one in list_verbs(typer.main.get_command(app)) if words == ("matrix",)]
    context = verb.make_context("matrix", ["--environment", "a", "--environment", "b", "--group", "c"])
    assert context.params["environment"] == ["a", "b"]
