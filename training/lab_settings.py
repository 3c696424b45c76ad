"""What a laboratory's script can be told: a frozen dataclass that is its command line, a page's form and the
`config` of its run.json, as RunConfig is for a training.

    @dataclass(frozen=True)
    class CurveSettings(LabSettings):
        samples: int = option(30, "points drawn", "Data", "integer", low=2, high=1000)

An object that exists is valid. Fields are written with `training.fields.option`; a field with a `table` may
bring the parameters of its row along (`settings="..._settings"`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.catalog import UnknownNameError, Value, checked_settings
from training.config import SEED_LIMIT, ConfigError
from training.fields import Field, Settings, fields_of, option
from training.option_values import (
    carried_over,
    changed_settings,
    chosen_settings,
    field_with_setting,
    nearest,
    option_words,
    plain_values,
)

LABORATORY = "laboratory"  # the key of run.json's config that tells such a configuration from a RunConfig
TEXT_LIMIT = 1000  # characters of a text, such as a path


@dataclass(frozen=True)
class LabSettings:
    """What every laboratory's script is told. Subclasses add fields, all with defaults, and `check`."""

    __no_type_check__ = (
        True  # what is given may have any type: __post_init__ converts it or says what is wrong
    )

    seed: int = option(0, "start of every random stream", "Run", "integer", low=0, high=SEED_LIMIT)
    name: str = option("", "what you call the run", "Run", "text")
    visdom: str = option("off", "stream to Visdom: auto, off, or the server's address", "Run", "text")

    def __post_init__(self) -> None:
        """Converts, completes and checks every field, then what no single field can know."""
        try:
            for each in self.fields():
                object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))
            for each in self.fields():
                if each.settings:
                    value = getattr(self, each.name)
                    owner = ", ".join(row.name for row in each.rows(value)) or each.name
                    given = getattr(self, each.settings)
                    complete = Settings(checked_settings(owner, each.parameters(value).values(), given))
                    object.__setattr__(self, each.settings, complete)
            if self.visdom not in ("auto", "off") and not self.visdom.startswith(("http://", "https://")):
                raise ValueError(
                    f"visdom is {self.visdom!r}; it must be auto, off, or an address such as "
                    "http://127.0.0.1:8097"
                )
            self.check()
        except (ValueError, UnknownNameError) as error:
            raise ConfigError(str(error)) from None

    def check(self) -> None:
        """ValueError for what no single field can know. Every field has its own type here."""

    @property
    def model_name(self) -> str:
        """What run.json calls the model."""
        return "laboratory"

    @property
    def dataset_name(self) -> str:
        """What run.json calls the data set."""
        return str(getattr(self, "dataset", "laboratory"))

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The options in the order of a form; a Field with a `table` brings its rows' own parameters."""
        return fields_of(cls)

    @property
    def settings(self) -> dict[str, Value]:
        """The settings of all chosen rows, by name."""
        return chosen_settings(self, self.fields())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_values(self)

    @classmethod
    def from_dict[S: LabSettings](cls: type[S], values: Mapping[str, Any]) -> S:
        """What `to_dict` wrote; what is missing gets its default. ConfigError for a name no field has."""
        names = [attribute.name for attribute in dataclasses.fields(cls)]
        given = {name: value for name, value in values.items() if name != LABORATORY}
        for name in given:
            if name not in names:
                known = ", ".join(names)
                raise ConfigError(f"there is no field {name!r}{nearest(name, names)} known: {known}")
        return cls(**given)

    def replace[S: LabSettings](self: S, **changes: Any) -> S:
        """These settings with fields, or settings of a chosen row by their own name, changed.

        When a choice changes, what was set for the former row and the new one also has is kept.
        """
        names = [attribute.name for attribute in dataclasses.fields(self)]
        values = {name: changes.get(name, getattr(self, name)) for name in names}
        try:
            for each in self.fields():
                values[each.name] = _checked(each, values[each.name])
                if each.settings and each.settings not in changes:
                    values[each.settings] = carried_over(each, self, values[each.name])
            for name in changes.keys() - set(names):
                settings = field_with_setting(name, self.fields(), values).settings
                values[settings] = {**values[settings], name: changes[name]}
        except (ValueError, UnknownNameError) as error:
            raise ConfigError(str(error)) from None
        return type(self)(**values)

    def options(self) -> list[str]:
        """The shortest command line that stands for these settings: what differs from the defaults."""
        words: list[str] = []
        for each in self.fields():
            value = getattr(self, each.name)
            if value != getattr(type(self), each.name):
                words += option_words(each.name, value)
            if each.settings:
                words += changed_settings(self, each)
        return words


def _checked(each: Field, value: Any) -> Any:
    """One field's value in its own type; ValueError or UnknownNameError where it can't be."""
    owner = "the run"
    if each.optional and value is None:
        return None
    if each.several:
        items = value.split(",") if isinstance(value, str) else [value] if _is_one(value) else value
        items = [item for item in items if str(item).strip()]
        if each.table is not None:
            names = tuple(str(item).strip() for item in items)
            each.rows(names)  # its error names the nearest row
            return names
        return tuple(each.parameter.check(item, owner) for item in items)
    if each.table is not None:
        each.rows(value)
    if each.parameter.kind in ("text", "path"):
        return _one_line(each.name, value)
    return each.parameter.check(value, owner)


def _is_one(value: Any) -> bool:
    return isinstance(value, int | float)


def _one_line(name: str, value: Any) -> str:
    text = str(value).strip()
    if len(text) > TEXT_LIMIT or not text.isprintable() or text == "--":
        raise ValueError(f"{name} is {text[:40]!r}; it must be one line of at most {TEXT_LIMIT} characters")
    return text
