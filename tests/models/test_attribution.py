"""Attributions are Captum's and obey their own laws; the badge tells a picture of the input from one of the
network; adversarial steps are Captum's too."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from models.adversarial import ATTACKS, Bounds, attack
from models.attribution import ATTRIBUTIONS, attribute
from models.catalog import UnknownNameError
from models.probes import NoUnitsError
from models.trust import cascade, randomised, rank_agreement, trust
from models.zoo import build_model

SHAPE = (1, 12, 12)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(1)
    return build_model("lenet5", SHAPE, 10).eval()


@pytest.fixture(scope="module")
def sample() -> Tensor:
    return torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(2))


def test_every_method_equals_captum(network: nn.Module, sample: Tensor) -> None:
    from captum import attr

    given = sample.clone().requires_grad_(True)
    oracles = {
        "saliency": lambda: attr.Saliency(network).attribute(given, target=3),
        "gradient_times_input": lambda: attr.InputXGradient(network).attribute(given, target=3),
        "integrated_gradients": lambda: attr.IntegratedGradients(network).attribute(
            given, target=3, n_steps=20
        ),
        "occlusion": lambda: attr.Occlusion(network).attribute(
            given, (1, 4, 4), strides=(1, 2, 2), target=3
        ),
    }  # fmt: skip
    settings = {"integrated_gradients": {"path_points": 20}, "occlusion": {"window": 4, "window_step": 2}}
    for name, oracle in oracles.items():
        found = attribute(name, network, sample, 3, **settings.get(name, {}))
        torch.testing.assert_close(found.values, oracle()[0].detach(), rtol=1e-4, atol=1e-6)
    assert set(ATTRIBUTIONS.names()) - set(oracles) == {"smooth_grad", "grad_cam"}


def test_grad_cam_is_weighted_feature_maps_of_the_last_convolution() -> None:
    network = build_model("resnet20", (3, 32, 32), 5, {"blocks_per_stage": 1}).eval()
    sample = torch.randn(1, 3, 32, 32)
    kept: list[Tensor] = []
    network.features.stage3.block1.conv2.register_forward_hook(lambda m, i, out: kept.append(out))
    (slope,) = torch.autograd.grad(network(sample)[0, 2], kept[0])
    coarse = (slope.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1, keepdim=True).relu()
    expected = nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    found = attribute("grad_cam", network, sample, 2)
    torch.testing.assert_close(found.values, expected[0].detach())
    assert found.completeness_error is None


def test_smooth_grad_without_noise_is_the_gradient_and_with_noise_repeats(
    network: nn.Module, sample: Tensor
) -> None:
    asked = sample.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(network(asked)[0, 3], asked)
    found = attribute("smooth_grad", network, sample, 3, noise_share=0.0, noisy_copies=2)
    torch.testing.assert_close(found.values, slope[0])
    noisy = [attribute("smooth_grad", network, sample, 3, noisy_copies=4).values for _ in range(2)]
    assert torch.equal(*noisy)


def test_integrated_gradients_add_up_and_a_linear_model_is_explained_exactly(
    network: nn.Module, sample: Tensor
) -> None:
    error = attribute("integrated_gradients", network, sample, 3, path_points=128).completeness_error
    assert error is not None
    assert error < 0.02
    linear = build_model("linear", (6,), 3)
    values = torch.randn(1, 6)
    for method in ("gradient_times_input", "integrated_gradients", "occlusion"):
        explained = attribute(method, linear, values, 1).values
        torch.testing.assert_close(explained, (values[0] * linear.output.weight[1]).detach())


def test_both_classes_of_one_logit_can_be_asked_about() -> None:
    network, values = build_model("linear", (4,), 1), torch.randn(1, 4)
    first, second = (attribute("gradient_times_input", network, values, c).values for c in (0, 1))
    torch.testing.assert_close(first, -second)


def test_wrong_questions_are_answered_in_a_sentence(network: nn.Module, sample: Tensor) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'saliency'"):
        attribute("salience", network, sample, 0)
    with pytest.raises(ValueError, match="classes 0 to 9"):
        attribute("saliency", network, sample, 10)
    with pytest.raises(ValueError, match="is for pictures"):
        attribute("grad_cam", build_model("mlp", (4,), 2), torch.ones(1, 4), 0)
    with pytest.raises(NoUnitsError, match="no convolution"):
        attribute("grad_cam", build_model("mlp", SHAPE, 2), sample, 0)
    assert all(parameter.requires_grad for parameter in network.parameters()), "left as it was"


def test_agreement_is_spearmans_of_absolute_values() -> None:
    first, second = torch.randn(50).round(decimals=1), torch.randn(50)
    expected = spearmanr(first.abs(), second.abs()).statistic
    assert rank_agreement(first, second) == pytest.approx(expected)
    assert rank_agreement(first, torch.ones(50)) == 0


def test_a_picture_of_the_input_is_not_trusted() -> None:
    """Gradient x input of a sparse input looks like the input whatever the weights are."""
    network = build_model("linear", (200,), 2)
    sparse = torch.zeros(1, 200)
    sparse[0, :30] = torch.randn(30)
    poor = trust(attribute("gradient_times_input", network, sparse, 0), network, sparse)
    assert poor.verdict == "poor"
    assert "shows the input" in poor.reading
    good = trust(attribute("saliency", network, sparse, 0), network, sparse)
    assert good.verdict == "good"
    assert len(good.agreements) == 3


def test_random_weights_leave_the_network_alone_and_cascade_from_the_output(
    network: nn.Module, sample: Tensor
) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert not torch.equal(randomised(network, 0)(sample), network(sample))
    assert torch.equal(randomised(network, 0)(sample), randomised(network, 0)(sample))
    stages = list(cascade(attribute("saliency", network, sample, 3), network, sample))
    weighted = [name for name, module in network.named_modules() if module._parameters]
    assert [name for name, *_ in stages] == weighted[::-1]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already")  # Captum's own
def test_attacks_are_captums_and_stay_within_distance_and_bounds(network: nn.Module, sample: Tensor) -> None:
    from captum.robust import FGSM, PGD

    bounds = Bounds.of_pictures([0.5], [0.25])  # normalised pixels run from -2 to 2
    inside, target = sample.clamp(-2, 2), torch.tensor([4])
    loss = nn.CrossEntropyLoss(reduction="none")
    given = inside.clone().requires_grad_(True)
    distance = torch.tensor([0.02])
    found = attack("fgsm", network, inside, target, distance, bounds)
    fgsm = FGSM(network, loss, lower_bound=-2, upper_bound=2)
    pgd = PGD(network, loss, lower_bound=-2, upper_bound=2)
    fgsm.zero_thresh = pgd.fgsm.zero_thresh = 0.0  # Captum leaves inputs of tiny slope where they are
    expected = fgsm.perturb(given, 0.08, target)
    torch.testing.assert_close(found, expected)
    expected = pgd.perturb(given, 0.08, step_size=0.02, step_num=10, target=target)
    found = attack("pgd", network, inside, target, distance, bounds)
    torch.testing.assert_close(found, expected)
    for row in ATTACKS:
        many = attack(row.name, network, inside.expand(3, -1, -1, -1), target.expand(3),
                      torch.tensor([0.0, 0.01, 0.1]), bounds)  # fmt: skip
        moved = (many - inside).abs().amax(dim=(1, 2, 3)) / 4
        assert bool((moved <= torch.tensor([0.0, 0.01, 0.1]) + 1e-6).all())
        assert float(many.abs().max()) <= 2
        assert torch.equal(many[0], inside[0])
    with pytest.raises(ValueError, match="must be 0 or more"):
        attack("fgsm", network, inside, target, torch.tensor([-1.0]), bounds)
