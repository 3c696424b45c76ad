"""The watch over the browser's pages works: each of these pages must be caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_an_error_on_the_console_is_noticed(page: Any, complaints: Any) -> None:
    page.goto("data:text/html,<script>console.error('broken')</script>")
    assert any("broken" in error for error in complaints.errors)
    complaints.errors.clear()


def test_an_uncaught_error_is_noticed(page: Any, complaints: Any) -> None:
    page.goto("data:text/html,<script>throw new Error('thrown')</script>")
    assert any("thrown" in error for error in complaints.errors)
    complaints.errors.clear()


def test_a_call_to_another_machine_is_noticed(new_page: Callable[..., Any], complaints: Any) -> None:
    page = new_page()
    page.goto("data:text/html,<p>here</p><img src='http://descent.invalid/picture.png'>")
    page.wait_for_function("document.images[0].complete")
    assert complaints.outside == ["http://descent.invalid/picture.png"]
    complaints.outside.clear()
    complaints.errors.clear()  # the picture's failure
