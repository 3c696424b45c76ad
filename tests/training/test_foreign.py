"""Hostile and honest files of weights: the first are refused in a sentence, and nothing in them runs."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from training.foreign import ForeignError, examine
from training.foreign_child import RefusedError, check_archive


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def archive(change: Callable[[zipfile.ZipFile], None], compress: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as file:
        file.writestr("upload/data.pkl", b"\x80\x02}.")
        change(file)
    return buffer.getvalue()


def safetensors_file(header: object, room: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(room)


class Runs:
    """A pickle that would run a command when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_a_state_dict_comes_out_as_it_went_in() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    tied = nn.Parameter(torch.randn(3))
    content = saved({"epoch": 3, "model": {**network.state_dict(), "a": tied, "b": tied}})
    found = examine(content)
    assert found.kind == "PyTorch"
    assert dict(found.findings)["foreign globals"] == "none"
    expected = {**network.state_dict(), "a": tied, "b": tied}
    assert found.tensors.keys() == expected.keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in expected.items())


def test_safetensors_come_out_as_they_went_in() -> None:
    tensors = {"weight": torch.randn(2, 3), "count": torch.tensor(4)}
    found = examine(save(tensors, metadata={"made": "here"}))
    assert found.kind == "safetensors"
    assert found.metadata == {"made": "here"}
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors.items())


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(ForeignError, match="no numbers") as refused:
        examine(saved({"weight": torch.zeros(2), "evil": Runs(mark)}))
    assert f"{os.system.__module__}.system" in dict(refused.value.findings)["foreign globals"]
    assert not mark.exists()


def test_a_tensor_that_claims_10_gigabytes_is_refused() -> None:
    content = saved({"weight": torch.zeros(1).expand(50_000, 50_000)})
    assert len(content) < 5_000
    with pytest.raises(ForeignError, match=r"claims 10,000,000,000 bytes, and 4 are there"):
        examine(content)


def with_entry(name: str, content: bytes = b"1", compress: int = zipfile.ZIP_STORED) -> bytes:
    return archive(lambda file: file.writestr(name, content), compress)


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive(lambda file: file.writestr("upload/data.pkl", b"1"))


def listed(content: bytes, name: bytes) -> int:
    """Where the archive's list speaks of an entry."""
    return content.rindex(name) - 46


def claiming() -> bytes:
    content = bytearray(with_entry("upload/data/0", bytes(100)))
    place = listed(content, b"upload/data/0")
    content[place + 20 : place + 28] = struct.pack("<2I", 3_000_000_000, 3_000_000_000)
    return bytes(content)


def overlapping() -> bytes:
    content = bytearray(archive(lambda file: [file.writestr(f"upload/data/{i}", bytes(90)) for i in "12"]))
    first = struct.unpack("<I", content[(place := listed(content, b"upload/data/1")) + 42 : place + 46])[0]
    place = listed(content, b"upload/data/2")
    content[place + 42 : place + 46] = struct.pack("<I", first + 1)
    return bytes(content)


HOSTILE_ARCHIVES = {
    "zip bomb": (lambda: with_entry("upload/data/0", bytes(10**7), zipfile.ZIP_DEFLATED), "compressed"),
    "a name with ..": (lambda: with_entry("../../etc/evil"), "points outside"),
    "an absolute name": (lambda: with_entry("/etc/evil"), "points outside"),
    "two of one name": (twice, "one name"),
    "TorchScript": (lambda: with_entry("upload/code/__torch__.py"), "TorchScript"),
    "no pickle": (lambda: saved({"a": torch.zeros(3)}).replace(b"data.pkl", b"data.txt"), "one data.pkl"),
    "truncated": (lambda: saved({"a": torch.zeros(999)})[:-100], "has no end"),
    "something after it": (lambda: saved({"a": torch.zeros(9)}) + b"more", "has no end"),
    "claims 10 GB": (claiming, "claim"),
    "overlapping": (overlapping, "overlaps another"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_hostile_archives_are_refused_before_anything_is_opened(name: str, tmp_path: Path) -> None:
    make, reason = HOSTILE_ARCHIVES[name]
    file = tmp_path / "upload"
    file.write_bytes(make())
    with pytest.raises(RefusedError, match=reason):
        check_archive(file, file.stat().st_size, [])


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HUGE = {**ENTRY, "shape": [50_000, 50_000], "data_offsets": [0, 10**10]}
HOSTILE_HEADERS = {
    "claims 10 GB": (safetensors_file({"a": HUGE}), "the file has 0"),
    "a header of 10 GB": (struct.pack("<Q", 10**10) + b"{}", "header claims 10,000,000,000"),
    "truncated": (save({"a": torch.zeros(99)})[:-50], "the file has"),
    "overlapping": (safetensors_file({"a": ENTRY, "b": ENTRY}, 8), "overlap"),
    "a gap": (safetensors_file({"a": {**ENTRY, "data_offsets": [4, 12]}}, 12), "gaps"),
    "a wrong size": (safetensors_file({"a": {**ENTRY, "shape": [3]}}, 8), "does not fit"),
    "a negative size": (safetensors_file({"a": {**ENTRY, "shape": [-2]}}, 8), "does not fit"),
    "a name with ..": (safetensors_file({"../../a": ENTRY}, 8), "no name of a layer"),
    "no JSON": (safetensors_file(b"{" * 5000), "no JSON"),
    "nested lists": (safetensors_file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "no JSON"),
    "a list": (struct.pack("<Q", 9) + b'{"a": [1]}', "no JSON|damaged"),
    "a wrong magic number": (b"GGUF" + bytes(100), "GGUF"),
    "a bare pickle": (b"\x80\x04K\x01." + bytes(9), "bare pickle"),
    "nothing": (b"", "neither safetensors nor"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_HEADERS)
def test_hostile_headers_are_refused_in_a_sentence(name: str) -> None:
    content, reason = HOSTILE_HEADERS[name]
    with pytest.raises(ForeignError, match=reason):
        examine(content)


def test_a_hostile_upload_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ForeignError, match="points outside"):
        examine(HOSTILE_ARCHIVES["a name with .."][0]())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_lists_that_grow_without_end_are_refused() -> None:
    """Ten lists of ten of the one before: ten thousand million values in a file of a kilobyte."""
    value: list[object] = [1]
    for _ in range(10):
        value = [value] * 10
    with pytest.raises(ForeignError, match="more than 500,000 values"):
        examine(saved({"weight": torch.zeros(1), "a": value}))
