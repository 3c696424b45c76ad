"""A choice survives addresses that are still under way, and gives way to those from elsewhere."""

from __future__ import annotations

from dashboard.panels.selection import reconciled


def test_a_fresh_page_takes_what_the_address_names() -> None:
    assert reconciled((), ("a", "b")) == (("a", "b"),)
    assert reconciled((), ()) == ((),)


def test_an_older_address_does_not_undo_a_later_choice() -> None:
    history = ((), ("a",), ("a", "b"))
    for late in history:
        assert reconciled(history, late)[-1] == ("a", "b")


def test_an_address_from_elsewhere_replaces_the_choice() -> None:
    assert reconciled(((), ("a",)), ("c",)) == (("c",),)


def test_coming_back_without_a_choice_in_the_address_keeps_it() -> None:
    assert reconciled((("a",), ("a", "b")), ())[-1] == ("a", "b")
