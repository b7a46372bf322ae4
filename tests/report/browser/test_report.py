"""The report in a browser: what it finds, sorts, folds, links and prints; nothing foreign runs in it."""

import re
import shlex

import pytest
from cards import choose, ids
from html_samples import NAMES, make_divergence, make_rich, plant
from pictured_inputs import Inputs, flat
from summaries import make_summary
from waiting import settle, wait_until

from harness.report.html.write import Budget, write_html
from harness.summary.document import Summary
from harness.system.invocation import name_program
from harness.system.numbers import show_margin

MARK = (
    "<script>window.ran=1</script><img src=x onerror='window.ran=2'>"
    "<svg onload=window.ran=3></svg></script><!--\"'"
)


def test_the_banner_comes_first_and_every_divergence_has_a_card(page, tab):
    assert page.locator("h1").inner_text() == "Diverged"
    assert len(ids(page)) == 12
    assert page.locator("#found").inner_text() == "12 divergent examples"
    tab.shoot("top-light")


def test_unexpected_ones_come_first_then_small_margins(page):
    assert ids(page)[:2] == ["example-2", "example-0"]
    assert ids(page)[-1] == "example-4"
    assert page.locator(".card").last.locator(".register").inner_text() == "expected"


def test_a_card_marks_what_differs_in_sign_and_words(page):
    card = page.locator(".card").filter(has=page.locator("a", has_text=re.compile(r"^example-1$")))
    marked = card.locator(".differs")
    assert [one.split("\n")[0] for one in marked.all_inner_texts()] == ["7", "X-X-X"]
    before = "el => getComputedStyle(el.querySelector('.number'), '::before').content"
    assert "≠" in marked.first.evaluate(before)
    assert marked.first.locator(".sr").text_content() == "not as in the baseline"
    assert card.locator(".what").inner_text().split() == ["Attribute", "case", "detected"]
    assert "2 of 6 depart" in card.locator(".nearness").inner_text()
    assert [one.strip() for one in card.locator(".stage").all_inner_texts()] == ["", "file", "not measured"]


def test_labels_causes_reasons_and_margins_show(page):
    assert "Seventh Person" in page.locator(".card").first.inner_text()
    reasons = "\n".join(page.locator(".reasons").all_inner_texts())
    assert "Cause the rule of pool3 was swapped, and with it the tuple (ported)" in reasons
    assert "Expected another rule for pool3 (ported)" in reasons
    lengths = page.locator(".bars path").evaluate_all("all => all.map(one => one.getAttribute('d'))")
    assert len(set(lengths)) > 2
    assert page.locator("#no-pictures").is_visible()
    assert not page.locator(".pictures").first.is_visible()


def test_margins_are_written_as_in_every_other_form(tmp_path, tab):
    values = (1.23456e-5, 9.999e-8, 0.00064321, 0.5, 12.345, 1234.5, 0.0)
    ones = [make_divergence(place, smallest_margin=value) for place, value in enumerate(values)]
    (path,) = write_html(tmp_path / "report.html", make_rich(divergences=tuple(ones)))
    page = tab.open(path, "#sort=id")
    shown = [one.rpartition(" ")[2] for one in page.locator(".nearness").all_inner_texts()]
    assert shown == [show_margin(value) for value in values]


def test_where_no_stage_tells_anything_there_is_no_column_for_it(tmp_path, open_tab):
    ones = tuple(make_divergence(place, stages={"ported": None}) for place in range(3))
    (path,) = write_html(tmp_path / "report.html", make_rich(divergences=ones))
    page = open_tab().open(path)
    assert not page.locator(".card .stage").first.is_visible()
    assert not page.locator("[name=stage]").is_visible()
    assert "First stage" not in page.locator(".departures").inner_text()
    assert "pixels differ in 31 of 31" in page.locator(".controls").last.inner_text()


def test_pictures_are_drawn_or_said_to_be_missing(tmp_path, tab):
    inputs = Inputs(tmp_path)
    inputs.add("clean-0", flat(90, 120, 150))
    inputs.add("example-0", flat(92, 120, 150), source="clean-0")
    inputs.find()
    (path,) = write_html(tmp_path / "report.html", make_rich(), [tmp_path / "run"])
    page = tab.open(path)
    cards = page.locator(".card")
    pictured = cards.filter(has=page.locator("a", has_text=re.compile("^example-0$")))
    assert pictured.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)") == [8, 8]
    assert pictured.locator("figcaption").all_inner_texts() == [
        "input",
        "perturbation \N{MULTIPLICATION SIGN}32",
    ]
    assert "was changed since" in cards.first.locator(".no-picture").inner_text()


def test_many_that_say_the_same_share_a_line_until_asked_for(page):
    card = page.locator(".card").first
    assert card.locator(".others").inner_text().startswith("and 4 more caffe, torch, onnx, ported")
    assert card.locator(".member").count() == 2
    card.locator(".apart").click()
    assert card.locator(".member").count() == 6
    assert page.evaluate("document.activeElement.className") == "member"


def test_agreeing_examples_are_folded_until_opened(page):
    assert page.locator(".line").count() == 0 or not page.locator(".line").first.is_visible()
    page.locator("#agreeing-fold summary").click()
    wait_until(page, "document.querySelectorAll('.line').length === 31")
    assert page.locator(".line").first.is_visible()
    assert page.locator(".line").first.inner_text().split("\n")[:3] == ["agreeing-0", "benign", "4-4-4"]
    choose(page, "attack", "fgsm")
    wait_until(page, "document.querySelectorAll('.line').length === 15")


def test_an_environment_unfolds_into_what_differs(page):
    button = page.locator(".unfold", has_text="torch").first
    fold = page.locator("#" + button.get_attribute("aria-controls"))
    assert not fold.is_visible()
    button.press("Enter")
    assert fold.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    assert "versions.torch" in fold.inner_text()
    assert not fold.get_by_text("packages.tzdata").is_visible()
    fold.locator("summary").click()
    assert fold.get_by_text("packages.tzdata").is_visible()
    assert "21\N{EN DASH}88 (bootstrap over source images)" in fold.inner_text()


def test_cells_that_did_not_run_say_why_and_how_their_logs_end(page):
    text = page.locator("#not-run").inner_text()
    assert "it broke" in text
    assert "last line" in text
    assert "no engine answers" in text
    row = page.locator(".cells tr.cell", has_text="away")
    assert "0" not in row.inner_text()


def test_what_was_not_compared_is_listed_with_its_reason(page):
    assert "caffe has no record: lost-1, lost-2" in page.locator("#incomparable").inner_text()


def test_the_agreement_table_is_walked_by_arrow_keys_and_said_in_words(page):
    first = page.locator(".heat td[tabindex='0']")
    assert first.count() == 1
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    words = page.locator("#pair").inner_text()
    assert words == page.evaluate("document.activeElement.title")
    assert "same tuple in" in words
    page.locator("[name=measure][value=differing]").check()
    assert page.locator(".heat td[data-row='1'][data-column='6']").inner_text() == "13"


THEME = (
    "[getComputedStyle(document.body).backgroundColor, document.documentElement.dataset.theme ?? 'system']"
)


@pytest.mark.parametrize(
    ("system", "steps"), [("light", ["Dark", "Light", "System"]), ("dark", ["Light", "Dark", "System"])]
)
def test_the_theme_button_says_what_it_does(path, open_tab, system, steps):
    tab = open_tab(theme=system)
    page, button = tab.open(path), tab.page.locator("#theme")
    tab.shoot(f"top-{system}")
    first, _ = page.evaluate(THEME)
    for number, step in enumerate(steps):
        assert button.inner_text() == step
        assert step.lower() in button.get_attribute("aria-label")
        button.click()
        colour, chosen = page.evaluate(THEME)
        assert chosen == step.lower()
        assert (colour == first) == (number > 0)
        page.reload()
        settle(page)
        assert page.evaluate(THEME) == [colour, chosen]
    assert button.inner_text() == steps[0]


def focused(page):
    return page.locator(".card:focus h3").inner_text()


@pytest.mark.parametrize(
    ("forth", "back"), [("j", "k"), ("n", "p"), ("ArrowRight", "ArrowLeft"), ("#next", "#previous")]
)
def test_keys_and_buttons_step_through_the_examples(path, tab, forth, back):
    page = tab.open(path)
    order = ids(page)

    def step(way):
        page.locator(way).click() if way.startswith("#") else page.keyboard.press(way)

    for example in (order[0], order[1], order[2]):
        step(forth)
        assert focused(page) == example
    for example in (order[1], order[0]):
        step(back)
        assert focused(page) == example
    step(back)
    assert page.locator(".card.target h3").inner_text() == order[0]


def test_stepping_goes_on_from_what_is_looked_at_and_ends_at_the_ends(path, open_tab):
    page = open_tab(height=900).open(path, "#example=example-9")
    order = ids_of_all(path, open_tab)
    page.keyboard.press("k")
    assert focused(page) == order[order.index("example-9") - 1]
    page.evaluate(
        "document.activeElement.blur(); document.querySelector('.target')?.classList.remove('target')"
    )
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    settle(page)
    page.keyboard.press("k")
    last = focused(page)
    while True:
        page.keyboard.press("j")
        if focused(page) == last:
            break
        last = focused(page)
    assert last == order[-1]


def ids_of_all(path, open_tab):
    return ids(open_tab().open(path))


def test_keys_are_shown_and_can_be_turned_off(path, tab):
    page = tab.open(path)
    assert "j n" in " ".join(page.locator("#hint").inner_text().split())
    page.locator("#keys").click()
    assert page.locator("#keys").get_attribute("aria-pressed") == "false"
    assert not page.locator("#hint").is_visible()
    page.keyboard.press("j")
    assert page.locator(".card:focus").count() == 0
    page.reload()
    settle(page)
    assert page.locator("#keys").get_attribute("aria-pressed") == "false"
    page.locator("#next").click()
    assert page.locator(".card:focus").count() == 1
    page.locator("#keys").click()
    page.keyboard.press("j")
    assert page.locator(".card:focus").count() == 1


def test_keys_are_left_alone_where_something_else_needs_them(page):
    page.locator("[name=q]").fill("")
    page.locator("[name=q]").press("j")
    assert page.locator("[name=q]").input_value() == "j"
    page.locator("[name=q]").fill("")
    page.locator(".heat td[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.tagName") == "TD"
    assert page.locator(".card:focus").count() == 0


def test_the_first_tab_stop_skips_to_the_examples(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "divergences"


def test_the_command_names_the_environments_and_can_be_copied(path, open_tab):
    tab = open_tab(permissions=["clipboard-read", "clipboard-write"])
    page = tab.open(path, "#example=example-2")
    command = page.locator(".card.target code").inner_text()
    assert command == (
        f"{shlex.join(name_program())} matrix --model m --example example-2"
        " --environment plain --environment opencv"
    )
    page.evaluate(
        "() => { const one = document.querySelector('.target .copy'); window.words = [];"
        " new MutationObserver(() => window.words.push(one.textContent)).observe(one, {childList: true}); }"
    )
    page.locator(".card.target .copy").click()
    wait_until(page, "window.words.includes('Copied')")  # which stands there for a moment
    assert page.evaluate("navigator.clipboard.readText()") == command


LONG = "an-environment-with-a-name-that-is-far-longer-than-any-table-on-paper-is-wide-" * 2
NAMED = ".cells th .words, .departures th .words, .heat th .words, .member, .patterns .words, .cells .under"
CUT = """(names) => [...document.querySelectorAll(names)].filter(one => {
  if (one.offsetParent === null) return false;
  const box = one.getBoundingClientRect(), range = document.createRange();
  range.selectNodeContents(one);
  const text = range.getBoundingClientRect();
  const shows = getComputedStyle(one);
  return shows.textOverflow === 'ellipsis' && shows.overflow !== 'visible' && text.width > box.width + 1
    || text.right > innerWidth + 1;
}).map(one => one.className + ': ' + one.textContent.slice(0, 60))"""


def test_on_paper_names_of_environments_are_not_cut(tmp_path, open_tab):
    summary = Summary.model_validate_json(make_rich().model_dump_json().replace('"torch"', f'"{LONG}"'))
    (path,) = write_html(tmp_path / "report.html", summary)
    page = open_tab(width=1040).open(path)
    assert page.evaluate(CUT, NAMED) != []
    page.emulate_media(media="print", color_scheme="light")
    assert page.evaluate(CUT, NAMED) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_cells_whose_names_end_alone_tells_them_apart_are_told_apart(tmp_path, open_tab, width):
    """As those of two runs, ENVIRONMENT@RUN: so the tables of environments cut no name."""
    summary = Summary.model_validate_json(make_rich().model_dump_json().replace('"torch"', f'"{LONG}"'))
    (path,) = write_html(tmp_path / "report.html", summary)
    page = open_tab(width=width).open(path)
    names = page.locator(".cells th .words, .departures th .words")
    assert LONG in names.all_inner_texts()
    assert page.evaluate(CUT, ".cells th .words, .departures th .words") == []


def test_paper_gets_no_controls_and_no_empty_boxes(page, tab):
    page.emulate_media(media="print", color_scheme="light")
    for control in ("#tools", ".top", ".copy", ".measure"):
        assert not page.locator(control).first.is_visible()
    assert page.locator(".verdict h1").is_visible()
    assert page.locator(".card").count() == 12
    tab.shoot("print")
    assert page.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_width_makes_the_page_itself_scroll_sideways(path, open_tab, width, theme):
    tab = open_tab(width=width, theme=theme)
    page = tab.open(path)
    tab.shoot(f"{width}-{theme}")
    page.locator("#agreeing-fold summary").click()
    page.locator(".unfold").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1400])
def test_nor_do_long_names(tmp_path, open_tab, width):
    summary, _ = plant(make_rich(), "x" * 150)
    (path,) = write_html(tmp_path / "report.html", summary)
    tab = open_tab(width=width)
    page = tab.open(path)
    tab.shoot(f"long-{width}")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for button in page.locator(".unfold").all():
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_text_is_shown_and_does_not_run(tmp_path, open_tab):
    summary, planted = plant(make_rich(), MARK)
    (path,) = write_html(tmp_path / "report.html", summary)
    page = open_tab(height=20_000).open(path)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    wait_until(page, "document.querySelectorAll('.line').length === 31")
    for button in page.locator(".unfold").all():
        button.click()
    while page.locator(".apart").count():
        page.locator(".apart").first.click()
    assert page.evaluate("window.ran") is None
    assert page.locator("img, body script").count() == 2
    shown = page.evaluate(
        "document.body.cloneNode(true).textContent + [...document.querySelectorAll('[title]')]"
        ".map(one => one.title).join(' ') + document.title"
    )
    data = page.locator("#data").text_content()
    shown = shown.replace(data, "")
    assert [text for text in planted if text not in shown] == []
    follow_every_filter(page)
    assert page.evaluate("window.ran") is None


def test_nothing_that_is_shown_turns_or_hides_letters(tmp_path, open_tab):
    mark = "\u202eb\u2066\u200f\u200b\x1b[2J\x9b\u2028\U000e0041"
    summary, _ = plant(make_rich(), mark)
    (path,) = write_html(tmp_path / "report.html", summary)
    page = open_tab(height=12_000).open(path, "#example=none\u202e")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    settle(page)
    shown = page.evaluate(
        "document.querySelector('#data').remove() ?? document.documentElement.outerHTML + document.title"
    )
    assert r"\u202eb\u2066\u200f\u200b\x1b[2J\x9b\u2028\U000e0041" in shown
    assert "none\\u202e" in shown
    assert set("\u202e\u2066\u200f\u200b\x1b\x9b\u2028\U000e0041").isdisjoint(shown)
    follow_every_filter(page)


def follow_every_filter(page):
    """Choose the last option of every filter, which a file may have named."""
    for name in ("attack", "case", "environment", "change", "stage", "register"):
        values = page.locator(f"[name={name}] option").evaluate_all("all => all.map(one => one.value)")
        choose(page, name, values[-1])
        choose(page, name, "")


def test_scripts_of_others_are_refused_by_the_policy(path, open_tab):
    tab = open_tab()
    page = tab.open(path)
    page.evaluate("() => { const one = document.createElement('script'); one.textContent = 'window.ran = 1';"
                  " document.body.append(one); }")  # fmt: skip
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in tab.said.pop()


def test_more_than_a_page_holds_goes_to_pages_beside_it(tmp_path, open_tab):
    summary = make_rich(60)
    paths = write_html(tmp_path / "a report.html", summary, budget=Budget(page_rows=25))
    assert [path.name for path in paths] == ["a report.html", "page-2.html", "page-3.html", "page-4.html"]
    page = open_tab().open(paths[0])
    assert "this is page 1 of 4" in page.locator(".notice").inner_text()
    page.locator(".notice a", has_text="3").click()
    page.wait_for_url("**/page-3.html")
    assert page.locator("h1").inner_text() == "Examples, page 3 of 4"
    assert len(ids(page)) == 10
    page.locator(".continued a").click()
    page.wait_for_url("**/a%20report.html")
    found = set()
    for path in paths:
        other = open_tab(height=20_000).open(path)
        found |= set(ids(other))
    assert len(found) == 60
    page.goto(paths[1].as_uri() + "#example=example-0")
    settle(page)
    assert "may be on another page" in page.locator("#found").inner_text()


def test_only_what_is_looked_at_is_built(tmp_path, open_tab):
    many = tuple(make_divergence(place) for place in range(3000))
    (path,) = write_html(tmp_path / "report.html", make_summary(divergences=many, reference="plain"))
    page = open_tab(height=900).open(path)
    assert page.locator(".card").count() < 60
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    wait_until(
        page, "[...document.querySelectorAll('.card h3 a')].some(one => one.textContent === 'example-2999')"
    )
    assert page.locator(".card").count() < 120
    page.locator("[name=q]").fill("example-1234")
    wait_until(page, "document.querySelectorAll('.card').length === 1")


def test_the_same_says_so(tmp_path, tab):
    (path,) = write_html(tmp_path / "report.html", make_summary())
    page = tab.open(path)
    assert page.locator(".verdict.same h1").inner_text() == "Same"
    assert not page.locator("#tools").is_visible()
    assert "every compared example holds one tuple" in page.locator("#divergences").inner_text()
    tab.shoot("same")


def test_names_of_environments_are_all_there(page):
    text = page.locator(".cells").inner_text()
    assert all(name in text for name in NAMES)
