"""One table per family: a Catalog of frozen rows, read by command line, forms, pages and tests alike."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Value = bool | int | float | str
Kind = Literal["integer", "number", "flag", "choice", "text", "path"]


class UnknownNameError(KeyError):
    """A name that no row has. Its text names the nearest row and all known ones."""

    def __init__(self, family: str, name: object, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        self.text = f"no {family} is named {str(name)!r}{hint} known: {', '.join(known)}"
        super().__init__(self.text)

    def __str__(self) -> str:  # KeyError would show the quoted repr
        return self.text


class Named(Protocol):
    """What a row of a table must have."""

    @property
    def name(self) -> str: ...


class Catalog[Row: Named]:
    """A table of rows with unique names, in the order they were written.

    `CATALOG["relu"]` raises UnknownNameError for a name that no row has.
    """

    def __init__(self, family: str, rows: Iterable[Row]) -> None:
        self.family = family
        self._rows: dict[str, Row] = {}
        for row in rows:
            if row.name in self._rows:
                raise ValueError(f"two rows of the table of {family}s are named {row.name!r}; rename one")
            self._rows[row.name] = row

    def names(self) -> list[str]:
        return list(self._rows)

    def __getitem__(self, name: str) -> Row:
        try:
            return self._rows[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.family, name, self._rows) from None

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def described(self) -> Iterator[Row]:
        """The rows whose settings a command line offers: all of them. A table that answers names which it
        does not list adds one of each kind.
        """
        return iter(self)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True)
class Parameter:
    """One setting of a row: enough to check a value, to parse it, and to draw a control for it.

    `low` and `high` are inclusive. `log` asks for a logarithmic slider. A slider needs both ends; a parameter
    without them is drawn as a number field. `choices` is for kind "choice".
    """

    name: str
    default: Value
    description: str
    kind: Kind = "number"
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: int | float | None = None
    unit: str = ""
    symbol: str = ""  # LaTeX, as in the row's formula
    choices: tuple[str, ...] = ()

    def check(self, value: Any, owner: str) -> Value:
        """The value in the parameter's own type; ValueError names the value, the rule and the way out."""
        converted = self._convert(value, owner)
        if self.kind in ("integer", "number"):
            assert isinstance(converted, int | float)
            below = self.low is not None and not converted >= self.low
            above = self.high is not None and not converted <= self.high
            if below or above:
                given = self.default not in (None, "")
                raise ValueError(
                    f"{self.name} of {owner} is {value!r}; it must be {self._range()}; "
                    + (f"the default is {self.default}" if given else "leave it out for the default")
                )
        return converted

    def _range(self) -> str:
        low, high = (
            None if end is None else f"{end:.0f}" if self.kind == "integer" else f"{end:g}"
            for end in (self.low, self.high)
        )
        if low is not None and high is not None:
            return f"between {low} and {high}"
        return f"at least {low}" if low is not None else f"at most {high}"

    def _convert(self, value: Any, owner: str) -> Value:
        wrong = f"{self.name} of {owner} is {value!r}; it must be"
        if self.kind == "flag":
            flags = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if isinstance(value, bool):
                return value
            if str(value).lower() in flags:
                return flags[str(value).lower()]
            raise ValueError(f"{wrong} true or false")
        if self.kind == "choice":
            if value in self.choices:
                return str(value)
            raise ValueError(f"{wrong} one of {', '.join(self.choices)}")
        if self.kind in ("text", "path"):
            return str(value)
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{wrong} a finite number")
        if self.kind == "number":
            return number
        if number != int(number):
            raise ValueError(f"{wrong} a whole number")
        return value if isinstance(value, int) else int(number)  # a float keeps 53 bits of a large one


def checked_settings(
    owner: str, parameters: Iterable[Parameter], given: Mapping[str, Any]
) -> dict[str, Value]:
    """Every parameter with its given or default value, checked.

    ValueError for a setting the owner doesn't have, with the nearest and all known names.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            raise ValueError(f"{owner} has no setting {name!r}{hint} it has: {', '.join(known) or 'none'}")
    return {
        name: parameter.check(given.get(name, parameter.default), owner) for name, parameter in known.items()
    }
