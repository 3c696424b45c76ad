"""What dataclasses of options have in common: RunConfig, and the settings of every laboratory.

Each says itself what is valid; how a value becomes an option of a command line or a plain value, what is kept
when a choice changes, and whose a setting is, is the same for all of them.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from models.catalog import Value
from training.fields import Field


def plain_values(config: Any) -> dict[str, Any]:
    """Values for JSON: numbers, texts, flags, lists and mappings of them."""
    plain: dict[str, Any] = {}
    for attribute in dataclasses.fields(config):
        value = getattr(config, attribute.name)
        if isinstance(value, Mapping):
            value = dict(value)
        plain[attribute.name] = list(value) if isinstance(value, tuple) else value
    return plain


def chosen_settings(config: Any, fields: Sequence[Field]) -> dict[str, Value]:
    """The settings of all chosen rows in one mapping, by name (names are unique across families)."""
    mappings = (getattr(config, each.settings) for each in fields if each.settings)
    return {name: value for mapping in mappings for name, value in mapping.items()}


def carried_over(each: Field, config: Any, value: Any) -> dict[str, Value]:
    """What was set on purpose for the former choice and the new one has too."""
    former = getattr(config, each.settings)
    if value == getattr(config, each.name):
        return dict(former)
    old, new = each.parameters(getattr(config, each.name)), each.parameters(value)
    return {name: v for name, v in former.items() if name in new and v != old[name].default}


def field_with_setting(name: str, fields: Sequence[Field], values: Mapping[str, Any]) -> Field:
    """The field whose chosen row has a setting of that name; ValueError names who has it, or the nearest."""
    families = [each for each in fields if each.settings]
    for each in families:
        if name in each.parameters(values[each.name]):
            return each
    owners = [
        f"{each.name} {row.name}"
        for each in families
        for row in each.table or ()
        if name in {parameter.name for parameter in row.parameters} - set(each.skip)
    ]
    if owners:
        raise ValueError(
            f"{name} is no setting of what is chosen here; choose one that has it: {', '.join(owners)}"
        )
    known = [each.name for each in fields]
    known += [setting for each in families for setting in each.parameters(values[each.name])]
    raise ValueError(f"nothing is named {name!r}{nearest(name, known)} known: {', '.join(known)}")


def nearest(name: str, known: Sequence[str]) -> str:
    """The middle of a sentence: "; did you mean 'epochs'?", or ";" where nothing is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ";"


def option_words(name: str, value: Value | tuple[Any, ...] | None) -> list[str]:
    """One option of a command line, such as ["--learning-rate", "0.1"] or ["--no-batch-norm"]. A value that
    starts with a dash is joined to it, else it would be taken for an option; so is an empty one.
    """
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    text = ",".join(map(_text, value)) if isinstance(value, tuple) else _text(value)
    return [f"{flag}={text}"] if text.startswith("-") or not text else [flag, text]


def changed_settings(config: Any, each: Field) -> list[str]:
    """The options of a field's chosen rows that differ from the rows' defaults."""
    parameters = each.parameters(getattr(config, each.name))
    changed = [
        option_words(name, setting)
        for name, setting in getattr(config, each.settings).items()
        if setting != parameters[name].default
    ]
    return [word for words in changed for word in words]


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)  # repr: every digit, so a rerun is exact
