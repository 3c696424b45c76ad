"""What one field of RunConfig is: enough to check it, to parse it from a command line, and to draw a control
for it.

The list of fields is training.config.RunConfig itself; forms and `--help` read it through
`RunConfig.fields()`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.catalog import Catalog, Kind, Parameter, Value

GROUPS = ("Model", "Data", "Optimisation", "Regularisation", "Run")  # the order of a form and of --help


@dataclass(frozen=True)
class Field:
    """One field of RunConfig.

    `table`: the value names a row of it (rows, where `several`), and what that row's own parameters are set
    to is in the RunConfig field named by `settings`. `several`: the value is a tuple. `optional`: None is
    allowed and means what `parameter.description` says.
    """

    parameter: Parameter
    group: str
    table: Catalog[Any] | None = None
    settings: str = ""
    several: bool = False
    optional: bool = False
    skip: tuple[str, ...] = ()  # parameters of the rows that are fields of their own

    @property
    def name(self) -> str:
        return self.parameter.name

    def rows(self, value: Any) -> list[Any]:
        """The rows of the table that `value` names; UnknownNameError for a name that no row has."""
        if self.table is None or (self.optional and value is None):
            return []
        names = value if self.several else [value]
        return [self.table[name] for name in names if name not in self._words()]

    def parameters(self, value: Any) -> dict[str, Parameter]:
        """By name, the settings of the rows that `value` chooses: two transforms may share one of equal
        meaning.
        """
        found = {parameter.name: parameter for row in self.rows(value) for parameter in row.parameters}
        return {name: parameter for name, parameter in found.items() if name not in self.skip}

    def _words(self) -> tuple[str, ...]:
        """Values that are allowed and name no row, such as "auto"."""
        return tuple(choice for choice in self.parameter.choices if choice not in (self.table or ()))


def option(
    default: Any,
    description: str,
    group: str,
    kind: Kind = "number",
    *,
    low: int | float | None = None,
    high: int | float | None = None,
    log: bool = False,
    unit: str = "",
    symbol: str = "",
    choices: tuple[str, ...] = (),
    table: Catalog[Any] | None = None,
    settings: str = "",
    several: bool = False,
    optional: bool = False,
    skip: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that carries what a Field says; the name is filled in by `fields_of`."""
    if group not in GROUPS:
        raise ValueError(f"the group of a field is {group!r}; it must be one of {', '.join(GROUPS)}")
    shown = "" if several or default is None else default
    if table is not None:
        kind, choices = "choice", (*choices, *table.names())
    parameter = Parameter(
        "",
        shown,
        description,
        kind,
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        log=log,
        unit=unit,
        symbol=symbol,
        choices=choices,
    )
    made = Field(parameter, group, table, settings, several, optional, skip)
    return dataclasses.field(default=default, metadata={"field": made})


def fields_of(config_class: type) -> tuple[Field, ...]:
    """The options of a dataclass, in the order they are written."""
    if config_class not in _LISTED:
        _LISTED[config_class] = _listed(config_class)
    return _LISTED[config_class]


# A sweep makes a configuration for every training, and each asks several times
_LISTED: dict[type, tuple[Field, ...]] = {}


def _listed(config_class: type) -> tuple[Field, ...]:
    made = []
    for attribute in dataclasses.fields(config_class):
        if "field" in attribute.metadata:
            field: Field = attribute.metadata["field"]
            parameter = dataclasses.replace(field.parameter, name=attribute.name)
            made.append(dataclasses.replace(field, parameter=parameter))
    return tuple(made)


class Settings(Mapping[str, Value]):
    """A read-only mapping from a setting's name to its value: can be hashed, compared, copied and pickled."""

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)
