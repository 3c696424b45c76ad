"""A row of numbers with their names: one element in place of a metric each, for what follows a slider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_SOURCE = Path(__file__).with_suffix(".js")
_COMPONENT = st.components.v2.component(
    "descent_numbers",
    html='<dl class="descent-numbers"></dl>\n<!-- filled by numbers.js -->',
    css=_SOURCE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_SOURCE.read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Number:
    """A number as it is shown; `about` is said where the pointer rests on it."""

    label: str
    value: str
    about: str = ""


def numbers(key: str, row: Sequence[Number]) -> None:
    """The numbers beside each other, as `st.metric` shows them; the key must be unique on the page."""
    _COMPONENT(key=key, data={"numbers": [asdict(each) for each in row]})
