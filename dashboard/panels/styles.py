"""The style sheets of components: a component takes one, and some rules are needed by several."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent


def styles(*names: str) -> str:
    """These files of panels/ as one sheet; later rules win."""
    return "\n".join((HERE / f"{name}.css").read_text(encoding="utf-8") for name in names)
