"""The quarantine's inside: a process of its own that opens a file of PyTorch's, and may do nothing else.

    python -I foreign_child.py FILE OUTPUT

It limits its own memory, time and files before it reads a byte, looks at the archive and at what the pickle
in it names, opens it with `weights_only`, counts what came out, and writes the tensors to OUTPUT as
safetensors. What it found goes to its standard output as one line of JSON. Only `training.foreign` starts it;
nothing of ours is imported here, so that the process can be isolated from the environment and the folder.

Why each check: `weights_only` alone lets a file of half a megabyte unfold to 512, one of 1.6 kB claim a
tensor of 40 GB (stride 0), entries of an archive overlap, and nested lists grow without end.
"""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MEMORY = 8 << 30  # bytes of address space: PyTorch's libraries alone map 3 to 5 GB
SECONDS = 60  # of processor time
OPEN_FILES = 128
PICKLE = 64 << 20  # bytes of data.pkl
ENTRIES = 100_000
NODES = 500_000
DEPTH = 60
ROOM = 1 << 20  # bytes that the output may have more than twice the file's

END = b"PK\x05\x06"  # of a zip archive
LOCAL = struct.Struct("<4s5H3I2H")


class RefusedError(Exception):
    """The file is not opened further; the text says why."""


def main() -> int:
    source, output = Path(sys.argv[1]), Path(sys.argv[2])
    size = source.stat().st_size
    _limit(2 * size + ROOM)
    findings: list[tuple[str, str]] = []
    answer: dict[str, Any] = {"findings": findings}
    try:
        check_archive(source, size, findings)
        tensors, answer["about"] = _tensors(source, output, size, findings)
        _write(tensors, output)
    except RefusedError as refused:
        answer["refused"] = str(refused)
    except MemoryError:
        answer["refused"] = f"opening it takes more than {MEMORY >> 30} GB of memory"
    except RecursionError:
        answer["refused"] = "it is nested too deep"
    print(json.dumps(answer))
    return 0


def _limit(written: int) -> None:
    """From here on this process can neither grow, nor run, nor write without end. Windows has no such limits:
    there the parent's timeout remains.
    """
    try:
        import resource
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, written),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


def check_archive(source: Path, size: int, findings: list[tuple[str, str]]) -> None:
    """The archive holds what it says, once, uncompressed, and one pickle. RefusedError otherwise."""
    with source.open("rb") as file:
        file.seek(max(0, size - 22))
        if not file.read(22).startswith(END):
            raise RefusedError("its archive has no end, or something after it: cut off, or two files in one")
        try:
            entries = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise RefusedError(f"its archive can't be read ({error})") from None
        if len(entries) > ENTRIES:
            raise RefusedError(f"its archive has {len(entries):,} entries; at most {ENTRIES:,} are opened")
        _check_entries(entries, size)
        _check_places(file, entries, size)
    findings.append(("archive", f"{len(entries)} entries, stored, {size:,} bytes"))


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or name.startswith("/") or "\\" in name or ":" in parts[0] or not name.isprintable():
            raise RefusedError(f"an entry of its archive is named {name!r}, which points outside")
    if len(set(names)) != len(names):
        raise RefusedError("two entries of its archive have one name")
    packed = [entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1]
    if packed:
        raise RefusedError(f"its entry {packed[0].filename!r} is compressed or encrypted, not stored")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > size:
        raise RefusedError(f"its entries claim {claimed:,} bytes, and the file has {size:,}")
    pickles = [entry for entry in entries if entry.filename.endswith(".pkl")]
    if any("/code/" in f"/{name}" or name.endswith("constants.pkl") for name in names):
        raise RefusedError("it is TorchScript, a program; save the state dict instead")
    if len(pickles) != 1 or not pickles[0].filename.endswith("data.pkl"):
        raise RefusedError("it is no file of torch.save: its archive needs one data.pkl")
    if pickles[0].file_size > PICKLE:
        raise RefusedError(f"its data.pkl has {pickles[0].file_size:,} bytes; at most {PICKLE:,} are read")


def _check_places(file: Any, entries: list[zipfile.ZipInfo], size: int) -> None:
    """No two entries share bytes, and each local header says what the archive's list says."""
    ends_before = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        file.seek(entry.header_offset)
        head = file.read(LOCAL.size)
        if len(head) < LOCAL.size or head[:4] != b"PK\x03\x04" or entry.header_offset < ends_before:
            raise RefusedError(f"its entry {entry.filename!r} overlaps another one, or is not there")
        fields = LOCAL.unpack(head)
        if fields[3] != entry.compress_type or file.read(fields[9]) != entry.filename.encode():
            raise RefusedError(f"its entry {entry.filename!r} is another one in the archive's list")
        ends_before = entry.header_offset + LOCAL.size + fields[9] + fields[10] + entry.file_size
        if ends_before > size:
            raise RefusedError(f"the entry {entry.filename!r} reaches beyond the end of the file")


def _tensors(
    source: Path, output: Path, size: int, findings: list[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state dict in the file, and what is known of it."""
    import torch

    torch.set_num_threads(1)
    sys.addaudithook(_Guard(output))
    foreign = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(source)))
    if foreign:
        listed = ", ".join(foreign[:20]) + (" ..." if len(foreign) > 20 else "")
        findings.append(("foreign globals", listed))
        raise RefusedError(
            f"it names {len(foreign)} things that are no numbers, and opening it could run them: {listed}"
        )
    findings.append(("foreign globals", "none"))
    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        # a stranger's file: whatever PyTorch stumbles over is a reason to refuse
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise RefusedError(f"PyTorch can't open it ({first.strip()[:200]})") from None
    groups, others = _walked(loaded, size)
    if not groups:
        raise RefusedError("it holds no tensors with names; save model.state_dict()")
    place, chosen = max(groups.items(), key=lambda item: sum(tensor.numel() for tensor in item[1].values()))
    prefix = "module."  # what DataParallel puts before every name
    if all(name.startswith(prefix) for name in chosen):
        chosen = {name.removeprefix(prefix): tensor for name, tensor in chosen.items()}
        findings.append(("names", "began with 'module.', which DataParallel adds; taken away"))
    findings.append(("tensors", f"{len(chosen)} under {place or 'the top level'!r}"))
    if len(groups) > 1 or others:
        findings.append(("left out", f"{len(groups) - 1} other groups of tensors, {others} other values"))
    return chosen, {"place": place, "names": list(chosen)}


def _walked(loaded: Any, size: int) -> tuple[dict[str, dict[str, Any]], int]:
    """Mappings from names to tensors by where they are, and how many other values there were."""
    import torch

    groups: dict[str, dict[str, Any]] = {}
    others, nodes, total = 0, 0, 0
    waiting: list[tuple[str, Any, int]] = [("", loaded, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > DEPTH:
            raise RefusedError(f"it is nested more than {DEPTH} deep")
        for name, item in _items(value):
            nodes += 1
            if nodes > NODES:
                raise RefusedError(f"it holds more than {NODES:,} values")
            if isinstance(item, torch.Tensor):
                total += _checked(f"{place}.{name}".lstrip("."), item)
                if total > 2 * size:
                    raise RefusedError(f"its tensors are more than {2 * size:,} bytes, twice the file")
                if isinstance(value, Mapping) and isinstance(name, str):
                    groups.setdefault(place, {})[name] = item
            elif isinstance(item, Mapping | list | tuple):
                waiting.append((f"{place}.{name}".lstrip("."), item, depth + 1))
            else:
                others += 1
    return groups, others


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    else:
        yield "value", value


def _checked(name: str, tensor: Any) -> int:
    """Bytes of the tensor, all of which are in the file. RefusedError for one that only claims them."""
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise RefusedError(f"the tensor {name[:80]!r} is sparse, quantized or without numbers")
    claimed, there = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if claimed > there:
        raise RefusedError(f"the tensor {name[:80]!r} claims {claimed:,} bytes, and {there:,} are there")
    return int(claimed)


def _write(tensors: dict[str, Any], output: Path) -> None:
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, output)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RefusedError(f"its tensors can't be written as safetensors ({error})") from None


class _Guard:
    """An audit hook: no process, no connection, no file written but the output."""

    REFUSED = (
        "os.system",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
    )

    def __init__(self, output: Path) -> None:
        self.output = str(output)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self.REFUSED or event.startswith(("socket.", "shutil.", "ctypes.dlopen", "os.remove")):
            raise RefusedError(f"opening it tried to do {event}")
        if event == "open" and self._writes(arguments) and str(arguments[0]) != self.output:
            raise RefusedError("opening it tried to write another file")

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        mode = arguments[1]
        return isinstance(mode, str) and any(sign in mode for sign in "wax+")


if __name__ == "__main__":
    raise SystemExit(main())
