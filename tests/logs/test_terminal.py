"""Text for terminals: aligned, and safe whatever a file says its name is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import terminal
from logs.terminal import number, printable, sparkline, table, width


@settings(deadline=None)
@given(st.text())
def test_no_control_sign_reaches_the_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_an_escape_code_in_a_name_is_spelled_out() -> None:
    assert printable("\x1b[2Jgone\n") == r"\x1b[2Jgone\n"
    assert printable("数字 <b>") == "数字 <b>"


@settings(deadline=None)
@given(st.text(), st.integers(2, 20))
def test_a_cut_text_fits(text: str, limit: int) -> None:
    assert width(printable(text, limit)) <= limit


def test_columns_are_aligned_with_wide_signs_too() -> None:
    lines = table(("name", "value"), [("数字", "1"), ("abc", "20")], right=(1,)).splitlines()
    assert lines == ["name  value", "数字      1", "abc      20"]


def test_a_sparkline_follows_the_curve_and_leaves_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_can_print", lambda text: True)
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.0, math.nan, 7.0]) == "▁ █"
    assert sparkline([0.0, math.inf, 7.0]) == "▁ █"
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert len(sparkline(list(range(1000)), 40)) == 40
    assert sparkline([]) == sparkline([math.nan]) == ""
    monkeypatch.setattr(terminal, "_can_print", lambda text: False)
    assert sparkline([0, 7]).isascii()


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (1e-9, "1e-09"), (math.inf, "inf"), (math.nan, "")]
)
def test_a_number_has_four_digits(value: float, text: str) -> None:
    assert number(value) == text
