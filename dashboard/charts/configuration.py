"""A run's configuration as a table: what was set, what would have been, what it means."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from logs.info import RunInfo
from training.arguments import command_text
from training.config import ConfigError, RunConfig

COLUMNS = ("setting", "value", "default", "differs", "group", "meaning")


def configuration_table(config: Mapping[str, Any]) -> pd.DataFrame:
    """A row per setting, the columns COLUMNS; values as text.

    A configuration of another program has no defaults: its settings are listed as they are.
    """
    try:
        known = RunConfig.from_dict(config)
    except (ConfigError, TypeError):
        return _foreign(config)
    rows = []
    for field in RunConfig.fields():
        value = getattr(known, field.name)
        default = _default(known, field.name)
        meaning = field.parameter.description
        rows.append((field.name, _text(value), _text(default), value != default, field.group, meaning))
        for name, parameter in field.parameters(value).items():
            chosen = known.settings[name]
            rows.append(
                (
                    name,
                    _text(chosen),
                    _text(parameter.default),
                    chosen != parameter.default,
                    field.group,
                    parameter.description,
                )
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def repeating_command(info: RunInfo) -> str:
    """What to type to train the same again: our own configuration as options, a foreign one's own command."""
    try:
        if info.config:
            return command_text(RunConfig.from_dict(info.config))
    except (ConfigError, TypeError):
        pass  # not a configuration of ours: its program knows how to repeat it
    return shlex.join(info.command)


def is_ours(config: Mapping[str, Any]) -> bool:
    """True for a configuration that the form can start from."""
    try:
        return bool(config) and RunConfig.from_dict(config) is not None
    except (ConfigError, TypeError):
        return False


def _default(config: RunConfig, name: str) -> Any:
    """What the field would be, left out: the learning rate depends on the optimizer."""
    if name == "learning_rate":
        return RunConfig(optimizer=config.optimizer).learning_rate
    return getattr(RunConfig(), name)


def _foreign(config: Mapping[str, Any]) -> pd.DataFrame:
    rows = [(str(name), _text(value), "", False, "", "") for name, value in _flat(config)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _flat(config: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in config.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{above}{name}.")
        else:
            found.append((f"{above}{name}", value))
    return found


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
