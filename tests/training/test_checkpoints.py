"""Checkpoints: exact, whole or absent, and never unpickled."""

from __future__ import annotations

import json
import pickle

import pytest
import torch

from training.checkpoints import (
    Checkpoint,
    CheckpointError,
    Network,
    build_from_checkpoint,
    load_checkpoint,
    save_checkpoint,
)

NETWORK = Network("mlp", {"hidden_width": 5}, (1, 4, 4), 3)


def a_checkpoint(**state: object) -> Checkpoint:
    return Checkpoint(
        network=NETWORK,
        weights=NETWORK.build().state_dict(),
        position={"step": 12, "epoch": 1, "batch": 2},
        info={"classes": ["a", "b", "c"]},
        state=state,
    )


def test_a_network_built_from_a_checkpoint_computes_the_same_bits(tmp_path):
    checkpoint = a_checkpoint()
    path = save_checkpoint(tmp_path, "best", checkpoint)
    original = NETWORK.build()
    original.load_state_dict(dict(checkpoint.weights))
    built, about = build_from_checkpoint(path)
    inputs = torch.rand(7, 1, 4, 4)
    assert torch.equal(built(inputs), original.eval()(inputs))
    assert about["info"]["classes"] == ["a", "b", "c"]
    assert about["position"]["step"] == 12


def test_state_comes_back_exactly_with_its_types(tmp_path):
    state = {
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0), "moment": torch.rand(2, 3)}},
            "betas": (0.9, 0.999),
        },
        "numbers": [0.1 + 0.2, 2**53, float("inf"), float("-inf"), None, True, "text"],
        "bytes": torch.get_rng_state(),
        "empty": {},
    }
    path = save_checkpoint(tmp_path, "last", a_checkpoint(**state))
    loaded = load_checkpoint(path).state
    assert torch.equal(loaded["optimizer"]["state"][0]["moment"], state["optimizer"]["state"][0]["moment"])
    assert loaded["optimizer"]["betas"] == (0.9, 0.999)
    assert loaded["numbers"] == state["numbers"]
    assert torch.equal(loaded["bytes"], state["bytes"])
    assert loaded["empty"] == {}


def test_what_json_and_safetensors_can_not_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="state/odd is a object"):
        save_checkpoint(tmp_path, "last", a_checkpoint(odd=object()))
    assert list(tmp_path.iterdir()) == []


def test_the_optimizer_of_every_row_survives_a_checkpoint(tmp_path):
    from training.optimizers import OPTIMIZERS, build_optimizer

    for row in OPTIMIZERS:
        network = NETWORK.build()
        optimizer = build_optimizer(row.name, network.parameters())
        network(torch.rand(4, 1, 4, 4)).sum().backward()
        optimizer.step()
        path = save_checkpoint(tmp_path, row.name, a_checkpoint(optimizer=optimizer.state_dict()))
        twin = NETWORK.build()
        twin.load_state_dict(network.state_dict())
        other = build_optimizer(row.name, twin.parameters())
        other.load_state_dict(dict(load_checkpoint(path).state["optimizer"]))
        for weights, theirs in zip(network.parameters(), twin.parameters(), strict=True):
            theirs.grad = weights.grad.clone()
        optimizer.step()
        other.step()
        for weights, theirs in zip(network.parameters(), twin.parameters(), strict=True):
            assert torch.equal(weights, theirs), row.name


def test_tied_weights_and_views_are_saved_whole(tmp_path):
    shared = torch.rand(4, 4)
    path = save_checkpoint(tmp_path, "last", a_checkpoint(one=shared, two=shared, turned=shared.t()))
    assert torch.equal(load_checkpoint(path).state["turned"], shared.t())


def test_an_interrupted_replacement_leaves_the_former_checkpoint(tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path, "last", a_checkpoint(turn=1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.checkpoints.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, "last", a_checkpoint(turn=2))
    assert load_checkpoint(path).state["turn"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["last.json", "last.safetensors"]


def test_a_missing_checkpoint_names_those_that_are_there(tmp_path):
    save_checkpoint(tmp_path, "best", a_checkpoint())
    with pytest.raises(CheckpointError, match="in its folder: best"):
        load_checkpoint(tmp_path / "last.safetensors")


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"a": 1})])
def test_a_damaged_or_foreign_file_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "last.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        load_checkpoint(path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = save_checkpoint(tmp_path, "last", a_checkpoint())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        load_checkpoint(path)


def test_weights_of_another_network_are_refused_with_what_differs(tmp_path):
    other = Network("mlp", {"hidden_width": 6}, (1, 4, 4), 3)
    checkpoint = a_checkpoint()
    mixed = Checkpoint(other, checkpoint.weights, checkpoint.position)
    path = save_checkpoint(tmp_path, "best", mixed)
    with pytest.raises(CheckpointError, match="of another network: size mismatch"):
        build_from_checkpoint(path)


def test_the_json_beside_it_says_what_a_person_wants_to_know(tmp_path):
    save_checkpoint(tmp_path, "best", a_checkpoint())
    beside = json.loads((tmp_path / "best.json").read_text())
    assert beside["network"]["model"] == "mlp"
    assert beside["position"] == {"step": 12, "epoch": 1, "batch": 2}
