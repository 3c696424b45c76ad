"""A "Try this" list sets widgets and address from a line of prose."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels.try_this import suggestions


def test_a_line_is_a_sentence_settings_and_what_to_see() -> None:
    (row,) = suggestions("- [Go up](?a=15&b=0.50&c=true&d=sine&e=x&e=y&f=-1e-3): it goes **wild**.\n\n")
    assert (row.sentence, row.after) == ("Go up", "it goes **wild**.")
    assert dict(row.settings) == {"a": 15, "b": 0.5, "c": True, "d": "sine", "e": ["x", "y"], "f": -0.001}
    assert isinstance(dict(row.settings)["a"], int)
    assert isinstance(dict(row.settings)["b"], float)


@pytest.mark.parametrize("line", ["- Go up", "[Go up](?a=1)", "- [Go up](a=1)", "- [](?a=1)"])
def test_a_line_that_sets_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"is no '- \[sentence\]"):
        suggestions(line)


def page() -> None:
    """A page with three settings; the second is only there when the first is not 0."""
    import streamlit as st

    from dashboard.panels.try_this import try_this

    lines = "- [Both](?try_first=3&try_second=0.5): seen\n- [One](?try_first=4&try_word=b)"
    try_this(lines, "try", {"try_first": 0, "try_second": 1.0, "try_word": "a"})
    first = st.slider("first", 0, 10, 0, key="try_first", bind="query-params")
    if first:
        st.number_input("second", 0.0, 2.0, 1.0, key="try_second", bind="query-params")
    st.segmented_control("word", ["a", "b"], default="a", key="try_word", bind="query-params")


def test_a_click_sets_widgets_that_are_there_and_that_come_and_the_address() -> None:
    app = AppTest.from_function(page).run()
    assert [button.label for button in app.button] == ["Both", "One"]
    app.button[0].click().run()
    assert not app.exception
    assert app.slider[0].value == 3
    assert app.number_input[0].value == 0.5
    assert "Both**: seen" in app.caption[0].value
    app.run()
    assert app.query_params["try_first"] == "3"
    assert app.query_params["try_second"] == "0.5"
    app.button[1].click().run()
    assert not app.exception
    assert (app.slider[0].value, app.number_input[0].value) == (4, 1.0)
    assert app.segmented_control[0].value == "b"
    app.run()
    assert app.query_params["try_word"] == "b"
    app.slider[0].set_value(7).run()  # a hand moves on from there
    assert app.slider[0].value == 7
    assert not app.caption
