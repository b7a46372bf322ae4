"""Examples found in the report: filters, search, orders, and links to them."""

import re

import pytest
from cards import choose, ids
from waiting import wait_until


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("attack", "patch", {"example-2", "example-5", "example-8", "example-11"}),
        ("case", "X-X-X", {"example-1"}),
        ("environment", "caffe", {"example-1"}),
        ("change", "gold", {"example-3"}),
        ("stage", "pixels", {"example-2"}),
        ("register", "expected", {"example-4"}),
    ],
)
def test_each_filter_finds_its_examples_and_is_in_the_address(page, name, value, found):
    choose(page, name, value)
    assert set(ids(page)) == found
    assert f"{name}={value}" in page.url
    assert page.locator("#found").inner_text().startswith(f"{len(found)} of 12 divergent examples")
    page.locator("#clear").click()
    assert len(ids(page)) == 12
    assert "=" not in page.url


def test_filters_speak_of_one_environment_together(page):
    choose(page, "environment", "caffe")
    choose(page, "stage", "file")
    assert ids(page) == ["example-1"]
    choose(page, "environment", "ported")
    assert ids(page) == []


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("example-7", 1),
        ("EXAMPLE-1", 3),
        ("fourth person", 1),
        ("clean-3", 1),
        ("7 seventh", 12),
        ("none such", 0),
    ],
)
def test_the_search_looks_at_ids_sources_labels_and_classes(page, words, count):
    page.locator("[name=q]").fill(words)
    wait_until(page, f"document.querySelector('#found').textContent.startsWith('{count} of 12 divergent')")
    assert len(ids(page)) == count


@pytest.mark.parametrize(
    ("sort", "first"),
    [("margin", "example-2"), ("wide", "example-11"), ("most", "example-3"), ("id", "example-0")],
)
def test_each_order_starts_where_it_says(page, sort, first):
    choose(page, "sort", sort)
    assert ids(page)[0] == first
    assert f"sort={sort}" in page.url


def test_ids_are_ordered_by_their_numbers(page):
    choose(page, "sort", "id")
    assert ids(page)[1:3] == ["example-1", "example-2"]


def test_a_link_to_an_example_leads_there(path, open_tab):
    page = open_tab(height=900).open(path, "#example=example-9")
    assert page.locator(".card.target h3").inner_text() == "example-9"
    assert page.locator(".card.target").evaluate("one => one === document.activeElement")
    top = page.locator(".card.target").evaluate("one => one.getBoundingClientRect().top")
    assert 40 < top < 600


def test_a_link_with_filters_brings_them_along(path, tab):
    page = tab.open(path, "#environment=caffe&sort=margin")
    assert ids(page) == ["example-1"]
    assert page.locator("[name=environment]").input_value() == "caffe"


def test_a_link_to_a_hidden_example_drops_the_filters(path, tab):
    page = tab.open(path, "#example=example-9&environment=caffe")
    assert page.locator(".card.target h3").inner_text() == "example-9"
    assert page.locator("[name=environment]").input_value() == ""


def test_a_link_to_an_agreeing_example_opens_the_fold(path, tab):
    page = tab.open(path, "#example=agreeing-30")
    assert page.locator("#agreeing-fold").get_attribute("open") is not None
    assert "agreeing-30" in page.locator(".line.target").inner_text()


def test_a_link_to_nothing_says_so(path, tab):
    page = tab.open(path, "#example=nobody")
    assert page.locator("#found").inner_text() == "There is no example nobody on this page."


def test_numbers_in_the_tables_lead_to_their_examples(page):
    page.locator(".departures a", has_text=re.compile("^1$")).first.click()
    wait_until(page, "document.querySelectorAll('.card').length < 12")
    assert "environment=" in page.url
    page.locator(".patterns a").first.click()
    wait_until(page, "document.querySelector('#found').textContent.includes('in which just ported depart')")
    assert len(ids(page)) > 5
