"""A study as a command: the options that stand for it, and the line that a person may type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from training.arguments import command_line
from training.config import RunConfig


def study_options(config: RunConfig, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The shortest command line for `config` and those of the study's own `options` that are no default."""
    words = command_line(config)
    for name, value in options.items():
        if value != defaults.get(name):
            flag = f"--{name.replace('_', '-')}"
            several = value if isinstance(value, list | tuple) else [value]
            words += [word for each in several for word in (flag, str(each))]
    return words


def study_command(module: str, words: list[str]) -> str:
    """The whole command, to be pasted into a terminal."""
    return shlex.join(["python", "-m", module, *words])
