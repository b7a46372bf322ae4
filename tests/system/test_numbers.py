"""Numbers of reports: what is not all is never shown as all, what is some never as none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from summaries import rate

from harness.system import numbers

DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("hits", "of", "text"),
    [
        (0, 5, "0.0"), (5, 5, "100.0"), (1, 3, "33.3"), (4999, 5000, "99.98"), (1, 5000, "0.02"),
        (999, 1000, "99.9"), (999_999, 1_000_000, "99.9999"), (1999, 2000, "99.95"),
    ],
)  # fmt: skip
def test_only_all_is_a_hundred_and_only_none_is_zero(hits, of, text):
    assert numbers.show_percent(hits / of) == text


@given(
    st.integers(1, 10**7).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))), st.integers(0, 3)
)
def test_whatever_the_digits_all_and_none_stand_for_themselves(counts, digits):
    hits, of = counts
    shown = float(numbers.show_percent(hits / of, digits))
    assert (shown == 100) == (hits == of)
    assert (shown == 0) == (hits == 0)
    assert shown == pytest.approx(100 * hits / of, abs=0.5 * 10.0**-digits)


@pytest.mark.parametrize(
    ("kappa", "text"),
    [(1, "1.00"), (0.9985, "0.999"), (0.999999, "0.999999"), (0.994, "0.99"), (0, "0.00"), (0.004, "0.004"),
     (-0.001, "-0.001"), (-1, "-1.00"), (-0.9999, "-0.9999"), (0.8333, "0.83"), (None, DASH)],
)  # fmt: skip
def test_only_one_is_one(kappa, text):
    assert numbers.show_kappa(kappa) == text


def test_a_rate_lies_in_the_interval_that_is_shown():
    assert numbers.show_rate(rate(4999, 5000)) == f"99.98 (99.9{DASH}99.996)"
    assert numbers.show_rate(rate(5, 5)) == f"100.0 (57{DASH}100)"
    assert numbers.show_rate(rate(0, 5)) == f"0.0 (0{DASH}43)"
    assert numbers.show_rate(rate(97, 100)) == f"97.0 (92{DASH}99)"
    assert (numbers.show_rate(rate(0, 0)), numbers.show_rate(None)) == (DASH, DASH)


def test_a_rate_in_full_has_its_counts_and_both_intervals():
    text = numbers.describe_rate(rate(3, 5, cluster_low=0.1, cluster_high=0.9))
    assert (
        text
        == f"3 of 5 = 60.0 %; 95 % interval 23{DASH}88 (Wilson), 10{DASH}90 (bootstrap over source images)"
    )
    assert numbers.describe_rate(rate(0, 0)) == "nothing to count"


@pytest.mark.parametrize(
    ("margin", "text"),
    [(0.0064, "0.0064"), (0.00123456, "0.00123"), (1.23456e-5, "1.23e-05"), (1e-7, "1e-07"), (12.345, "12.3"),
     (1234.5, "1230"), (0.0, "0"), (123.4, "123")],
)  # fmt: skip
def test_a_margin_has_three_digits(margin, text):
    assert numbers.show_margin(margin) == text


def test_what_is_not_known_is_said_as_it_is_wanted():
    assert (numbers.show_margin(None), numbers.show_margin(None, "unknown")) == ("", "unknown")
    shows = (numbers.show_percent, numbers.show_p_value, numbers.show_seconds, numbers.show_megabytes)
    assert {show(None) for show in shows} == {DASH}


def test_a_parameter_keeps_all_digits_that_it_takes():
    assert [numbers.show_parameter(one) for one in (100.0, 1.15, 100.00000001)] == [
        "100", "1.15", "100.00000001",
    ]  # fmt: skip


def test_powers_of_ten_are_short():
    assert [numbers.show_power(one) for one in (-6, -1, 0, 2, 3)] == [
        "10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT SIX}", "0.1", "1", "100", "10\N{SUPERSCRIPT THREE}",
    ]  # fmt: skip
