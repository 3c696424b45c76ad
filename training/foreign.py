"""Files of weights from strangers: opened in quarantine, and only numbers come out.

`examine(content)` takes the bytes of a `.safetensors` or of a PyTorch file. The former cannot run anything:
its header is checked here. The latter is a pickle in an archive: a child process with limits on memory, time
and files opens it (training/foreign_child.py) and writes safetensors, which are then read like any other. No
file is kept, and nothing in one is ever asked for its name of a place to be written to.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

CHILD = Path(__file__).with_name("foreign_child.py")
PATIENCE = 120.0  # seconds for the child: it imports PyTorch, on whatever else the machine does
LARGEST = 2 << 30  # bytes of a file
HEADER = 16 << 20  # bytes of a safetensors header
TENSORS = 100_000
NAME = 500  # characters
SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8,
}  # fmt: skip
KNOWN_STARTS = {
    b"\x80": "a bare pickle, which can run any code when it is opened",
    b"\x89HDF": "HDF5, as Keras writes it",
    b"GGUF": "GGUF, as llama.cpp writes it",
    b"\x08": "ONNX, perhaps",
    b"\x93NUMPY": "an array of NumPy's",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a page of the web",
}


class ForeignError(ValueError):
    """A file that is not opened: the text says why and what to do, `findings` what was found till then."""

    def __init__(self, text: str, findings: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.findings = findings


@dataclass(frozen=True, eq=False)
class Examined:
    """What a stranger's file holds."""

    kind: str  # "safetensors" or "PyTorch"
    sha256: str
    bytes: int
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]  # of a safetensors file
    findings: tuple[tuple[str, str], ...]  # what was looked at, and what was found


def examine(content: bytes) -> Examined:
    """Opens a file of weights in quarantine. ForeignError, in a sentence, for what is refused."""
    if len(content) > LARGEST:
        raise ForeignError(f"the file has {len(content):,} bytes; at most {LARGEST:,} are opened")
    sha256 = hashlib.sha256(content).hexdigest()
    if content[:4] == b"PK\x03\x04":
        tensors, findings = _from_pytorch(content)
        return Examined("PyTorch", sha256, len(content), tensors, {}, findings)
    if len(content) >= 10 and content[8:9] == b"{":
        metadata, findings = check_safetensors(content)
        return Examined("safetensors", sha256, len(content), _read(content), metadata, findings)
    start = next((words for sign, words in KNOWN_STARTS.items() if content.startswith(sign)), "")
    raise ForeignError(
        "the file is neither safetensors nor an archive of torch.save"
        + (f" but looks like {start}" if start else f" (it begins with {content[:4]!r})")
        + "; save model.state_dict() with PyTorch 1.6 or newer, or as safetensors"
    )


def check_safetensors(content: bytes) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """The header's metadata, and what was found. ForeignError where it claims what is not there."""
    length = int.from_bytes(content[:8], "little")
    if length > min(HEADER, len(content) - 8):
        raise ForeignError(
            f"the header claims {length:,} bytes, and the file has {len(content) - 8:,} (at most {HEADER:,} "
            "are read); it is cut off or no safetensors file"
        )
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        raise ForeignError("the header is no JSON; the file is damaged, or no safetensors file") from None
    if not isinstance(header, dict):
        raise ForeignError("the header is no table of tensors; the file is no safetensors file")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ForeignError("the header's metadata are no texts; the file is no safetensors file")
    if len(header) > TENSORS:
        raise ForeignError(f"it holds {len(header):,} tensors; at most {TENSORS:,} are read")
    room = len(content) - 8 - length
    places = sorted(_place(name, entry, room) for name, entry in header.items())
    end = 0
    for low, high in places:
        if low != end:
            raise ForeignError("its tensors overlap, or leave gaps in which anything may hide")
        end = high
    if end != room:
        raise ForeignError(
            f"its tensors take {end:,} bytes, and the file has {room:,}; it is cut off or damaged"
        )
    if not header:
        raise ForeignError("it holds no tensors; save model.state_dict()")
    findings = (
        ("header", f"{length:,} bytes of JSON, nothing that could run"),
        ("tensors", f"{len(header)}, side by side, {room:,} bytes"),
    )
    return {str(key): value for key, value in metadata.items()}, findings


def _place(name: str, entry: Any, room: int) -> tuple[int, int]:
    """Where a tensor's bytes begin and end."""
    shown = repr(name[:80])
    if ".." in name or not name.isprintable() or len(name) > NAME:
        raise ForeignError(f"a tensor is named {shown}, which is no name of a layer")
    try:
        dtype, shape, (low, high) = entry["dtype"], entry["shape"], entry["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, low, high))
        size = math.prod(shape) * SIZES[dtype] if whole and len(shape) <= 16 else -1
    except (KeyError, TypeError, ValueError):
        raise ForeignError(
            f"the header's line for {shown} is damaged, or of a kind that is not read"
        ) from None
    if size != high - low:
        raise ForeignError(
            f"the tensor {shown} of shape {shape!r:.80} does not fit its bytes {low} to {high}"
        )
    if high > room:
        raise ForeignError(f"the tensor {shown} ends at byte {high:,}, and the file has {room:,}")
    return low, high


def _from_pytorch(content: bytes) -> tuple[dict[str, Tensor], tuple[tuple[str, str], ...]]:
    """Tensors and findings of an archive that torch.save wrote, by the child in quarantine."""
    with tempfile.TemporaryDirectory(prefix="descent-upload-") as folder:
        source, output = Path(folder) / "upload", Path(folder) / "weights.safetensors"
        source.write_bytes(content)
        command = [sys.executable, "-I", str(CHILD), str(source), str(output)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
                env={"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder},
            )
        except subprocess.TimeoutExpired:
            raise ForeignError(f"opening it took more than {PATIENCE:.0f} seconds; it was given up") from None
        answer = _answer(done)
        findings = tuple((str(check), str(found)) for check, found in answer.get("findings", ()))
        if "refused" in answer:
            raise ForeignError(f"the file is refused: {answer['refused']}", findings)
        written = output.read_bytes()
    check_safetensors(written)
    tensors = _read(written)
    order = [str(name) for name in answer.get("about", {}).get("names", ())]  # safetensors keeps none
    return {name: tensors[name] for name in order if name in tensors} or tensors, findings


def _answer(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """What the child said; ForeignError where it did not get to it, as when it hit a limit."""
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        answer = None
    if isinstance(answer, dict):
        return answer
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
    raise ForeignError(
        f"opening it broke the process in quarantine (exit {done.returncode}, {last[0][:200]}): it asks for "
        "more memory, time or files than it may have"
    )


def _read(content: bytes) -> dict[str, Tensor]:
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ForeignError(f"its tensors can't be read ({error})") from None
    return {name: tensors[name] for name in sorted(tensors, key=_counted)}


def _counted(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts layer 10 after layer 9."""
    pieces = re.split(r"(\d+)", name)
    return [(piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece) for piece in pieces]
