"""The table that every family is made of, and the settings of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from models.catalog import Catalog, Parameter, UnknownNameError, checked_settings


@dataclass(frozen=True)
class Fruit:
    name: str


FRUIT = Catalog("fruit", [Fruit("apple"), Fruit("pear"), Fruit("plum")])


def test_rows_are_found_by_name_in_the_order_they_were_written() -> None:
    assert FRUIT["pear"] == Fruit("pear")
    assert FRUIT.names() == [row.name for row in FRUIT] == ["apple", "pear", "plum"]
    assert len(FRUIT) == 3
    assert "plum" in FRUIT
    assert "fig" not in FRUIT


def test_a_wrong_name_is_answered_with_the_nearest_and_all_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no fruit is named 'peer'; did you mean 'pear'.*apple, pear, plum"
    ):
        FRUIT["peer"]


def test_a_name_like_no_other_still_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError) as raised:
        FRUIT["xyz"]
    assert str(raised.value) == "no fruit is named 'xyz'; known: apple, pear, plum"


def test_two_rows_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows of the table of fruits are named 'fig'"):
        Catalog("fruit", [Fruit("fig"), Fruit("fig")])


WIDTH = Parameter("width", 8, "units", kind="integer", low=1, high=4_294_967_295)
RATE = Parameter("rate", 0.5, "share", low=0.0, high=1.0)
DEEP = Parameter("deep", False, "or shallow", kind="flag")
SHAPE = Parameter("shape", "round", "form", kind="choice", choices=("round", "square"))
TITLE = Parameter("title", "", "words", kind="text")


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (WIDTH, "16", 16),
        (WIDTH, 16.0, 16),
        (WIDTH, 4_294_967_295, 4_294_967_295),
        (RATE, 1, 1.0),
        (RATE, "2.5e-1", 0.25),
        (DEEP, "yes", True),
        (DEEP, "False", False),
        (DEEP, 0, False),
        (SHAPE, "square", "square"),
        (TITLE, 7, "7"),
    ],
)
def test_values_come_out_in_the_parameters_own_type(
    parameter: Parameter, given: object, expected: object
) -> None:
    value = parameter.check(given, "fruit")
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("parameter", "given", "rule"),
    [
        (WIDTH, 0, "width of fruit is 0; it must be between 1 and 4294967295; the default is 8"),
        (WIDTH, 1.5, "a whole number"),
        (WIDTH, True, "a finite number"),
        (WIDTH, "wide", "a finite number"),
        (WIDTH, None, "a finite number"),
        (WIDTH, 10**400, "a finite number"),
        (RATE, float("nan"), "a finite number"),
        (RATE, float("inf"), "a finite number"),
        (RATE, -0.1, "between 0 and 1"),
        (DEEP, "maybe", "true or false"),
        (SHAPE, "oval", "one of round, square"),
        (SHAPE, ["round"], "one of round, square"),
        (Parameter("age", 1.0, "years", low=0), -1, "at least 0"),
        (Parameter("age", 1.0, "years", high=2), 3, "at most 2"),
    ],
)
def test_a_wrong_value_is_answered_with_the_rule(parameter: Parameter, given: object, rule: str) -> None:
    with pytest.raises(ValueError) as raised:
        parameter.check(given, "fruit")
    assert rule in str(raised.value)


def test_settings_are_completed_with_defaults() -> None:
    assert checked_settings("fruit", [WIDTH, RATE], {"rate": "0.25"}) == {"width": 8, "rate": 0.25}


def test_a_setting_that_the_owner_lacks_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="fruit has no setting 'widht'; did you mean 'width'"):
        checked_settings("fruit", [WIDTH, RATE], {"widht": 3})
    with pytest.raises(ValueError, match="it has: none"):
        checked_settings("fruit", [], {"width": 3})
