"""The form of a new run as data: which controls it has, and the configuration they stand for.

What is kept is what differs from the defaults, by option name, each value valid by itself. The same names and
values stand in the page's address and on the command line, so that a link, a form and a command say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.catalog import Parameter, UnknownNameError, Value
from training.arguments import command_line, parser
from training.config import ConfigError, RunConfig
from training.fields import Field

Setting = Value | tuple[str, ...]
Given = dict[str, Setting]  # what differs from the defaults, by option name


@dataclass(frozen=True)
class Control:
    """One thing to set: a field of RunConfig, or a parameter of a chosen row."""

    field: Field
    parameter: Parameter
    owner: str  # the chosen row whose parameter it is; "" for a field of RunConfig itself
    value: Setting
    default: Setting

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def is_choice_of_rows(self) -> bool:
        return not self.owner and self.field.table is not None

    @property
    def several(self) -> bool:
        return not self.owner and self.field.several


def controls(given: Mapping[str, Setting]) -> list[Control]:
    """The form's controls in order: each choice is followed by the parameters of the rows it chooses.

    A value that a newly chosen row doesn't take is replaced by that row's default.
    """
    made: list[Control] = []
    for field in RunConfig.fields():
        default = _default(field, given)
        value = given.get(field.name, default)
        made.append(Control(field, field.parameter, "", value, default))
        rows = field.rows(value) if field.settings else []
        for name, parameter in (field.parameters(value) if rows else {}).items():
            owner = next(row.name for row in rows if parameter in row.parameters)
            chosen = _accepted(parameter, given.get(name, parameter.default))
            made.append(Control(field, parameter, owner, chosen, parameter.default))
    return made


def with_value(given: Mapping[str, Setting], control: Control, value: Setting) -> Given:
    """The form after one control was moved. What equals the default is left out."""
    changed = dict(given)
    if value == control.default:
        changed.pop(control.name, None)
    else:
        changed[control.name] = value
    return changed


def applicable(given: Mapping[str, Setting]) -> Given:
    """Without what belongs to rows that are not chosen now; the form keeps that in case they are again."""
    return {each.name: each.value for each in controls(given) if each.value != each.default}


def config_of(given: Mapping[str, Setting]) -> RunConfig:
    """The configuration that the form stands for. ConfigError where the values don't go together."""
    return RunConfig().replace(**applicable(given))


def given_of(config: RunConfig) -> Given:
    """The form that stands for the configuration."""
    namespace = vars(parser().parse_args(command_line(config)))
    return read_query(namespace)[0]


def query_of(given: Mapping[str, Setting]) -> dict[str, str]:
    """The form as the part of an address after the question mark."""
    return {name: _text(value) for name, value in applicable(given).items()}


def read_query(query: Mapping[str, Any]) -> tuple[Given, list[str]]:
    """The form that an address describes, and a sentence for each part of it that can't be.

    Parts whose names no option has belong to somebody else and are passed over.
    """
    given: Given = {}
    problems: list[str] = []
    for field in RunConfig.fields():
        if field.name in query:
            try:
                given[field.name] = _read(field, query[field.name])
            except (ValueError, UnknownNameError) as problem:
                problems.append(str(problem))
    for control in controls(given):
        if control.owner and control.name in query:
            try:
                given[control.name] = control.parameter.check(query[control.name], control.owner)
            except ValueError as problem:
                problems.append(str(problem))
    return {name: value for name, value in given.items() if name in applicable(given)}, problems


def place_of(problem: str, names: Iterable[str]) -> str:
    """Which control a ConfigError's sentence belongs to: the option it names first, "" for none."""
    found = {name: match.start() for name in names if (match := re.search(rf"\b{name}\b", problem))}
    return min(found, key=lambda name: found[name]) if found else ""


def problem_of(given: Mapping[str, Setting]) -> tuple[str, str]:
    """Why the form is no configuration, and the control that this belongs to; both empty if it is one."""
    try:
        config_of(given)
    except ConfigError as problem:
        return str(problem), place_of(str(problem), [control.name for control in controls(given)])
    return "", ""


def _read(field: Field, text: Any) -> Setting:
    if field.several:
        values = tuple(dict.fromkeys(part.strip() for part in str(text).split(",") if part.strip()))
        field.rows(values)
        return values
    if field.table is not None:
        field.rows(text)
    return field.parameter.check(text, "the run")


def _default(field: Field, given: Mapping[str, Setting]) -> Setting:
    default = getattr(RunConfig, field.name)
    if default is not None:
        return default
    optimizer = next(each for each in RunConfig.fields() if each.name == "optimizer")
    (row,) = optimizer.rows(given.get("optimizer", RunConfig.optimizer))
    return float(row.default_learning_rate)


def _accepted(parameter: Parameter, value: Setting) -> Setting:
    try:
        return parameter.check(value, "")
    except ValueError:
        return parameter.default


def _text(value: Setting) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return repr(value) if isinstance(value, float) else str(value)  # repr: every digit
