"""Transforms: what they do to an image, sample by sample, from a generator of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as oracle

from models.catalog import UnknownNameError
from models.losses import build_loss
from training.tasks import accuracy
from training.transforms import TRANSFORMS, Transform, augment, check_transforms, rotated, shifted

EVERY = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda row: row.name)
# The setting at which a transform changes nothing
OFF = {"flip": {"flip_share": 0.0}, "crop": {"crop_share": 0.0}, "rotation": {"rotation_degrees": 0.0}}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int = 64, channels: int = 3, height: int = 12, width: int = 10) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=generator(99))


def apply(name: str, inputs: Tensor, seed: int = 0, **settings: object) -> Tensor:
    targets = torch.zeros(len(inputs), dtype=torch.int64)
    return augment(inputs, targets, [name], settings, generator(seed), outputs=3)[0]


@EVERY
def test_the_row_says_what_a_page_needs(transform: Transform) -> None:
    assert transform.title
    assert transform.summary.endswith(".")
    assert transform.source
    assert transform.parameters
    for parameter in transform.parameters:
        assert parameter.check(parameter.default, transform.name) == parameter.default


@EVERY
def test_shape_type_and_the_given_tensor_stay(transform: Transform) -> None:
    inputs = images()
    before = inputs.clone()
    changed = apply(transform.name, inputs)
    assert changed.shape == inputs.shape
    assert changed.dtype == inputs.dtype
    assert torch.equal(inputs, before)
    assert not torch.equal(changed, inputs)


@EVERY
def test_one_seed_gives_one_augmentation_and_another_another(transform: Transform) -> None:
    inputs = images()
    assert torch.equal(apply(transform.name, inputs, seed=1), apply(transform.name, inputs, seed=1))
    assert not torch.equal(apply(transform.name, inputs, seed=1), apply(transform.name, inputs, seed=2))


@EVERY
def test_a_saved_generator_goes_on_where_it_stood(transform: Transform) -> None:
    first = generator()
    targets = torch.zeros(8)
    settings = {parameter.name: parameter.default for parameter in transform.parameters}
    transform.apply(images(8), targets, first, **settings)
    second = torch.Generator()
    second.set_state(first.get_state())
    after = [transform.apply(images(8), targets, one, **settings)[0] for one in (first, second)]
    assert torch.equal(*after)


@EVERY
def test_torchs_global_stream_is_left_alone(transform: Transform) -> None:
    before = torch.get_rng_state()
    apply(transform.name, images())
    assert torch.equal(torch.get_rng_state(), before)


@EVERY
def test_samples_get_draws_of_their_own(transform: Transform) -> None:
    """The same picture 64 times over, and its mirror image where blending needs a partner."""
    one = images(1)
    batch = torch.cat([one.expand(32, -1, -1, -1), one.flip(3).expand(32, -1, -1, -1)])
    changed = apply(transform.name, batch)
    different = {tuple(sample.flatten().tolist()) for sample in changed}
    assert len(different) >= (2 if transform.name == "flip" else 10)


@pytest.mark.parametrize("name", OFF)
def test_at_strength_zero_nothing_changes(name: str) -> None:
    torch.testing.assert_close(apply(name, images(), **OFF[name]), images(), atol=1e-5, rtol=0)


@EVERY
def test_both_ends_of_every_range_are_possible(transform: Transform) -> None:
    for parameter in transform.parameters:
        for value in (parameter.low, parameter.high):
            assert apply(transform.name, images(), **{parameter.name: value}).isfinite().all()


def test_flipping_all_twice_gives_the_images_back() -> None:
    once = apply("flip", images(), flip_share=1.0)
    assert torch.equal(once, images().flip(3))
    assert torch.equal(apply("flip", once, flip_share=1.0), images())


def test_the_given_share_of_images_is_flipped() -> None:
    inputs = images(4000, 1, 2, 2)
    flipped = (apply("flip", inputs, flip_share=0.3) != inputs).flatten(1).any(dim=1)
    assert flipped.float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_a_shift_moves_pixels_and_stretches_the_edge() -> None:
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    down_right = shifted(image, torch.tensor([1]), torch.tensor([2]))
    assert down_right[0, 0].tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [4, 4, 4, 5]]
    up_left = shifted(image, torch.tensor([-1]), torch.tensor([-1]))
    assert up_left[0, 0].tolist() == [[5, 6, 7, 7], [9, 10, 11, 11], [9, 10, 11, 11]]


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    inputs = images(200)
    padded = torch.nn.functional.pad(inputs, (2, 2, 2, 2), mode="replicate")  # a fifth of 12 and of 10
    windows = {(row, column) for row in range(5) for column in range(5)}
    seen = set()
    for sample, cropped in zip(padded, apply("crop", inputs, crop_share=0.2), strict=True):
        found = {
            (row, column)
            for row, column in windows
            if torch.equal(sample[:, row : row + 12, column : column + 10], cropped)
        }
        assert found
        seen |= found
    assert seen == windows


@pytest.mark.parametrize("size", [(16, 16), (12, 20), (21, 9)])
@pytest.mark.parametrize("degrees", [-90.0, -20.0, 7.0, 45.0, 180.0])
def test_a_rotation_is_torchvisions(size: tuple[int, int], degrees: float) -> None:
    """Inside; outside torchvision has a constant where ours stretches the edge."""
    inputs = images(2, 3, *size)
    theirs = oracle.rotate(inputs, degrees, InterpolationMode.BILINEAR)
    inside = oracle.rotate(torch.ones_like(inputs), degrees, InterpolationMode.BILINEAR) > 0.999
    ours = rotated(inputs, torch.full((2,), degrees))
    assert inside.float().mean() > 0.3
    torch.testing.assert_close(ours[inside], theirs[inside], atol=1e-4, rtol=0)


def test_a_quarter_turn_is_exact_and_counter_clockwise() -> None:
    inputs = images(2, 3, 8, 8)
    turned = rotated(inputs, torch.tensor([90.0, -90.0]))
    torch.testing.assert_close(turned[0], inputs[0].rot90(1, (1, 2)), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned[1], inputs[1].rot90(-1, (1, 2)), atol=1e-4, rtol=0)


def test_a_constant_image_stays_constant_under_every_movement() -> None:
    flat = torch.full((16, 1, 9, 9), -0.42)
    for name in ("flip", "crop", "rotation"):
        torch.testing.assert_close(apply(name, flat), flat, atol=1e-6, rtol=0)


def test_angles_fill_the_range_to_both_sides() -> None:
    """A bright spot right of the centre goes up or down with the angle, and never past the largest."""
    inputs = torch.zeros(500, 1, 41, 41)
    inputs[:, :, 20, 36] = 1
    changed = apply("rotation", inputs, rotation_degrees=30.0)
    rows = torch.arange(41.0)[None, :, None]
    heights = 20 - (changed[:, 0] * rows).sum((1, 2)) / changed[:, 0].sum((1, 2))
    angles = torch.asin((heights / 16).clamp(-1, 1)).rad2deg()
    assert angles.abs().max() < 33
    assert angles.max() > 25
    assert angles.min() < -25
    assert abs(angles.mean().item()) < 4


@pytest.mark.parametrize(("share", "size"), [(0.05, 1), (0.25, 4), (0.3, 5)])
def test_cutout_sets_one_square_to_zero(share: float, size: int) -> None:
    holes = apply("cutout", torch.ones(300, 2, 16, 20), cutout_share=share) == 0
    assert torch.equal(holes[:, 0], holes[:, 1])
    areas = holes[:, 0].sum((1, 2))
    assert areas.max() == size * size
    assert areas.min() >= ((size + 1) // 2) ** 2  # at a corner a quarter is left
    tall, wide = holes[:, 0].any(2).sum(1), holes[:, 0].any(1).sum(1)
    assert torch.equal(tall * wide, areas)


def test_cutout_reaches_every_pixel() -> None:
    assert (apply("cutout", torch.ones(2000, 1, 8, 8), cutout_share=0.1) == 0).any(0).all()


def test_a_strength_means_the_same_for_small_and_large_images() -> None:
    for size in (8, 32, 128):
        holes = apply("cutout", torch.ones(400, 1, size, size), cutout_share=0.5) == 0
        assert holes.sum((1, 2, 3)).max() == (size // 2) ** 2
        column = torch.arange(float(size)).expand(400, 1, size, size)
        moved = apply("crop", column, crop_share=0.125)[:, 0, 0, size // 2] - size // 2
        assert moved.abs().max() == size // 8


def test_mixup_blends_inputs_and_targets_in_the_same_shares() -> None:
    """Each input carries its own target's one-hot code, so that the two can be compared."""
    targets = torch.randint(5, (100,), generator=generator(3))
    inputs = torch.nn.functional.one_hot(targets, 5).float()
    mixed, shares = augment(inputs, targets, ["mixup"], {"mixup_alpha": 1.0}, generator(), outputs=5)
    torch.testing.assert_close(mixed, shares)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(100))
    assert (shares >= 0).all()
    assert ((shares > 0.05).sum(dim=1) == 2).sum() > 40
    assert ((shares > 0).sum(dim=1) <= 2).all()


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_shares_follow_the_beta_distribution(alpha: float) -> None:
    inputs = torch.arange(2.0).repeat(5000)[:, None]  # 0 and 1 in turn
    mixed, _ = augment(inputs, inputs[:, 0].long(), ["mixup"], {"mixup_alpha": alpha}, generator(), outputs=1)
    own = torch.where(inputs > 0, mixed, 1 - mixed)  # with a partner of the other kind: the share of its own
    blended = own[(own > 0) & (own < 1)].double().numpy()
    assert np.mean(blended) == pytest.approx(0.5, abs=0.02)
    assert np.var(blended) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)


def test_mixup_of_a_single_logit_and_of_numbers_mixes_plain_values() -> None:
    inputs = torch.randn(50, 4)
    for targets in (torch.arange(50) % 2, torch.randn(50)):
        _, mixed = augment(inputs, targets, ["mixup"], {}, generator(), outputs=1)
        assert mixed.shape == (50,)
        assert mixed.dtype == torch.float32
        assert mixed.min() >= targets.min()
        assert mixed.max() <= targets.max()


def test_cutmix_takes_one_window_and_its_share_of_the_target() -> None:
    """Each image is filled with its own class's number, so that pixels tell whose they are."""
    targets = torch.randint(5, (400,), generator=generator(3))
    inputs = targets.float()[:, None, None, None].expand(-1, 2, 12, 20).contiguous()
    mixed, shares = augment(inputs, targets, ["cutmix"], {}, generator(), outputs=5)
    counted = torch.stack([(mixed[:, 0] == number).float().mean((1, 2)) for number in range(5)], dim=1)
    torch.testing.assert_close(counted, shares)  # by area, to the last pixel
    assert torch.equal(mixed[:, 0], mixed[:, 1])
    foreign = mixed[:, 0] != inputs[:, 0]
    tall, wide = foreign.any(2).sum(1), foreign.any(1).sum(1)
    assert torch.equal(tall * wide, foreign.sum((1, 2)))  # a rectangle
    assert foreign.any(0).all()  # anywhere
    assert ((shares > 0.05) & (shares < 0.95)).any(dim=1).sum() > 100


def test_cutmix_windows_have_the_area_that_was_drawn() -> None:
    """Those that the edge does not cut: with alpha 1 every area is as likely."""
    inputs = torch.arange(2.0).repeat(4000)[:, None, None, None].expand(-1, 1, 40, 40).contiguous()
    targets = torch.arange(2).repeat(4000)
    _, own = augment(inputs, targets, ["cutmix"], {"cutmix_alpha": 1.0}, generator(), outputs=2)
    small = 1 - own.max(dim=1).values
    assert small.max() <= 0.5
    assert (own.sum(dim=1) - 1).abs().max() < 1e-6
    even = augment(inputs, targets, ["cutmix"], {"cutmix_alpha": 10.0}, generator(), outputs=2)[1]
    rare = augment(inputs, targets, ["cutmix"], {"cutmix_alpha": 0.05}, generator(), outputs=2)[1]
    middling = [((one > 0.25) & (one < 0.75)).any(dim=1).float().mean() for one in (rare, own, even)]
    assert middling[0] < middling[1] < middling[2]


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_losses_and_accuracy_take_what_mixing_makes(name: str) -> None:
    inputs, targets = images(20), torch.arange(20) % 3
    _, mixed = augment(inputs, targets, [name], {}, generator(), outputs=3)
    outputs = torch.randn(20, 3)
    assert build_loss("cross_entropy")(outputs, mixed).isfinite()
    assert 0 <= accuracy(outputs, mixed) <= 1


def test_targets_stay_as_they_are_where_nothing_mixes_them() -> None:
    targets = torch.arange(64) % 3
    names = [row.name for row in TRANSFORMS if not row.changes_targets]
    _, after = augment(images(), targets, names, {}, generator(), outputs=3)
    assert after is targets


def test_transforms_run_in_the_order_given() -> None:
    def both(names: list[str]) -> Tensor:
        targets = torch.zeros(64, dtype=torch.int64)
        return augment(images(), targets, names, {"cutout_share": 0.6}, generator(), outputs=3)[0]

    assert (both(["rotation", "cutout"]) == 0).sum() > (both(["cutout", "rotation"]) == 0).sum()


def test_mixing_class_indices_directly_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"pass the batch through augment\(\)"):
        TRANSFORMS["mixup"].apply(images(2), torch.tensor([0, 1]), generator(), mixup_alpha=0.2)


def test_an_image_transform_of_a_table_is_refused_early() -> None:
    check_transforms(["mixup"], (7,))
    check_transforms(TRANSFORMS.names(), (3, 8, 8))
    with pytest.raises(
        ValueError, match=r"flip needs images .* shape \(7,\); leave it out, or use one of mixup"
    ):
        check_transforms(["mixup", "flip"], (7,))
    with pytest.raises(UnknownNameError, match="did you mean 'cutout'"):
        check_transforms(["cutuot"], (3, 8, 8))


def test_the_setting_of_another_transform_is_left_to_it() -> None:
    settings = {"flip_share": 1.0, "crop_share": 0.3}
    targets = torch.zeros(64, dtype=torch.int64)
    flipped = augment(images(), targets, ["flip"], settings, generator(), outputs=3)[0]
    assert torch.equal(flipped, images().flip(3))
