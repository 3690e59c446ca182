"""Medians, ratios and the order of runs."""

import pytest
from pairs import order
from summary import price_of_fresh, summarise


def pair(stock, native):
    return {"stock": {"f": stock}, "native": {"f": native}}


def test_the_ratio_is_the_median_of_the_pairs_ratios():
    # Medians of the sides are 10 and 2; the pairs' ratios are 10, 5 and 3.
    found = summarise([pair(10, 1), pair(10, 2), pair(30, 10)], "f")
    assert (found.stock, found.native) == (10, 2)
    assert (found.ratio, found.lowest, found.highest, found.pairs) == (5, 3, 10, 3)


def test_above_one_is_better_whatever_the_unit():
    assert summarise([pair(4, 2)], "f").ratio == 2
    assert summarise([pair(2, 4)], "f", more_is_better=True).ratio == 2


def test_nothing_measured_is_no_summary():
    assert summarise([], "f") is None
    assert summarise([pair(1, 1)], "another") is None


def test_the_price_of_a_fresh_process_is_native_against_native():
    cases = {"reuse off": [pair(100, 3), pair(100, 4)], "reuse on": [pair(1, 2), pair(1, 2)]}
    assert price_of_fresh(cases, "f") == (1.75, 1.5, 2)
    assert price_of_fresh({"reuse off": [pair(1, 1)]}, "f") is None


@pytest.mark.parametrize("pair_number", range(4))
def test_the_side_that_goes_first_changes_with_every_pair(pair_number):
    assert order(pair_number) == tuple(reversed(order(pair_number + 1)))
