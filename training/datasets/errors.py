"""What is raised where data can't be used."""

from __future__ import annotations


class DataError(ValueError):
    """Data that can't be used as asked: its text names the value, the rule and the way out."""


class PictureError(DataError):
    """A file that can't be read as a picture; the text names it."""
