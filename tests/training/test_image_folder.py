"""Folders of pictures: what is found, how a file becomes a picture, and what is said where it can't."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.catalog import checked_settings
from training.config import RunConfig
from training.data import Data, load_data
from training.datasets import DATASETS, DataError, Samples
from training.datasets.errors import PictureError
from training.datasets.pictures import PictureFiles, read_picture
from training.parts import ResidentPart, StreamedPart


def draw(
    path: Path, colour: object = (200, 100, 50), size: tuple[int, int] = (16, 16), mode: str = "RGB"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def noise(path: Path, seed: int, size: int = 16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def folder_of_noise(folder: Path, per_class: int = 20) -> Path:
    for number, name in enumerate(("ants", "bees", "wasps")):
        for place in range(per_class):
            noise(folder / name / f"{place:03d}.png", 100 * number + place)
    return folder


def load(path: Path, **settings: object) -> Samples:
    row = DATASETS["image_folder"]
    return row.load(
        Path("nowhere"),
        checked_settings("image_folder", row.parameters, {"path": str(path), **settings}),
        0,
        "auto",
    )


def ready(path: Path, seed: int = 0, **settings: object) -> Data:
    settings = {"path": str(path), "image_size": 16, **settings}
    config = RunConfig(dataset="image_folder", dataset_settings=settings, batch_size=8, seed=seed)
    return load_data(config, torch.device("cpu"), Path("nowhere"))


def test_a_folder_is_a_class_and_its_files_come_in_order(tmp_path: Path) -> None:
    samples = load(folder_of_noise(tmp_path, 3), image_size=16)
    assert samples.class_names == ("ants", "bees", "wasps")
    assert samples.targets.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert samples.inputs.dtype == np.uint8
    file = np.asarray(Image.open(tmp_path / "bees" / "001.png"))
    assert np.array_equal(samples.inputs[4], file.transpose(2, 0, 1))


def test_pictures_in_deeper_folders_with_any_name_belong_to_the_class(tmp_path: Path) -> None:
    noise(tmp_path / "Ämeisen 蚂蚁" / "été" / "b 1.PNG", 1)
    noise(tmp_path / "Ämeisen 蚂蚁" / "a.png", 2)
    noise(tmp_path / "bees" / "x.jpeg", 3)
    samples = load(tmp_path)
    assert samples.class_names == ("bees", "Ämeisen 蚂蚁")
    assert samples.targets.tolist() == [0, 1, 1]


def test_other_files_are_left_out_and_said_and_hidden_ones_ignored(tmp_path: Path) -> None:
    folder_of_noise(tmp_path, 2)
    for name in ("ants/notes.txt", "ants/.DS_Store", "bees/Thumbs.db", "bees/._000.png"):
        (tmp_path / name).write_text("no picture")
    samples = load(tmp_path)
    assert len(samples.targets) == 6
    assert samples.notes == ("files that are no pictures are left out: 1, such as ants/notes.txt",)


def test_train_val_and_test_folders_stay_what_they_are(tmp_path: Path) -> None:
    for part, count in (("train", 20), ("val", 4), ("test", 2)):
        folder_of_noise(tmp_path / part, count)
    data = ready(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (60, 12, 6)
    assert data.class_names == ("ants", "bees", "wasps")


def test_parts_may_be_written_with_capitals(tmp_path: Path) -> None:
    for part in ("Train", "Test"):
        folder_of_noise(tmp_path / part, 2)
    assert {name: len(places) for name, places in load(tmp_path).predefined.items()} == {
        "train": 6,
        "test": 6,
    }


def test_with_train_and_val_the_test_part_is_cut_from_train(tmp_path: Path) -> None:
    for part, count in (("train", 20), ("val", 4)):
        folder_of_noise(tmp_path / part, count)
    data = ready(tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (51, 12, 9)


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for name in ("plane", "train", "test"):
        noise(tmp_path / name / "1.png", 1)
    assert load(tmp_path).class_names == ("plane", "test", "train")
    assert not load(tmp_path).predefined


def test_two_folders_for_one_part_are_refused(tmp_path: Path) -> None:
    for part in ("train", "val", "validation"):
        folder_of_noise(tmp_path / part, 1)
    with pytest.raises(DataError, match="several folders for validation"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ((), "has no folders in it"),
        (("1.png",), "has no folders in it"),
        (("ants/1.png",), "one class only, 'ants'"),
        (("ants/1.txt", "bees/1.txt"), "has no pictures; those are files that end in .bmp"),
        (("ants/1.png", "bees/1.txt"), "no picture in .* is of 'bees'"),
    ],
)
def test_a_folder_that_cannot_be_learned_is_told(tmp_path: Path, names: tuple[str, ...], why: str) -> None:
    for name in names:
        if name.endswith(".png"):
            noise(tmp_path / name, 1)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("words")
    with pytest.raises(DataError, match=why):
        load(tmp_path)


def test_a_path_that_is_empty_or_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a file; name the folder"):
        load(noise(tmp_path / "1.png", 1))
    row = DATASETS["image_folder"]
    with pytest.raises(DataError, match="path of image_folder is empty"):
        row.load(tmp_path, checked_settings(row.name, row.parameters, {}), 0, "auto")


def break_two(folder: Path) -> None:
    (folder / "ants" / "001.png").write_bytes(b"<html>not found</html>")
    whole = (folder / "bees" / "000.png").read_bytes()
    (folder / "bees" / "000.png").write_bytes(whole[: len(whole) // 2])


def test_broken_pictures_are_skipped_and_named(tmp_path: Path) -> None:
    folder_of_noise(tmp_path, 3)
    whole = load(tmp_path)
    break_two(tmp_path)
    samples = load(tmp_path)
    assert samples.targets.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert np.array_equal(samples.inputs, whole.inputs[[0, 2, 4, 5, 6, 7, 8]])
    notes = " ".join(samples.notes)
    assert "001.png can't be read as a picture" in notes
    assert "000.png can't be read as a picture" in notes


def test_broken_pictures_are_refused_where_asked(tmp_path: Path) -> None:
    break_two(folder_of_noise(tmp_path, 3))
    with pytest.raises(DataError, match=r"001\.png can't be read.*remove it, or use --broken-pictures skip"):
        load(tmp_path, broken_pictures="refuse")


def test_a_bomb_of_a_picture_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw(tmp_path / "bomb.png", size=(100, 100))
    for limit in (9_000, 1_000):  # Pillow warns above the limit, and refuses above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(PictureError, match=r"bomb\.png can't be read"):
            read_picture(path, 16, False)


def test_the_shorter_side_is_scaled_and_the_longer_one_cut_at_both_ends(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    picture = read_picture(tmp_path / "wide.png", 20, False)
    assert picture.shape == (3, 20, 20)
    assert (picture[:, :, 2:-2] == 255).all()


def test_the_mark_of_a_turned_camera_is_obeyed(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # bright above
    turned = Image.fromarray(pixels)
    exif = turned.getexif()
    exif[0x0112] = 6  # "rotate by 90 degrees clockwise to see it upright"
    turned.save(tmp_path / "turned.png", exif=exif)
    picture = read_picture(tmp_path / "turned.png", 16, True)
    assert (picture[0, :, 8:] == 255).all()  # bright on the right
    assert (picture[0, :, :8] == 0).all()


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGB", (200, 100, 50), [200, 100, 50]),
        ("RGBA", (200, 100, 50, 255), [200, 100, 50]),
        ("RGBA", (200, 100, 50, 0), [255, 255, 255]),  # nothing there: the paper shows
        ("L", 77, [77, 77, 77]),
        ("LA", (77, 0), [255, 255, 255]),
        ("1", 1, [255, 255, 255]),
        ("I;16", 257 * 77, [77, 77, 77]),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str, colour: object, seen: list[int]) -> None:
    picture = read_picture(draw(tmp_path / "one.png", colour, mode=mode), 16, False)
    assert picture[:, 8, 8].tolist() == seen


def test_a_palette_with_a_transparent_colour_becomes_paper(tmp_path: Path) -> None:
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([10, 20, 30] + [0] * 765)
    picture.save(tmp_path / "palette.gif", transparency=0)
    assert read_picture(tmp_path / "palette.gif", 16, False)[:, 8, 8].tolist() == [255, 255, 255]


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    path = draw(tmp_path / "one.png", (200, 100, 50))
    assert read_picture(path, 16, True).shape == (1, 16, 16)
    assert abs(int(read_picture(path, 16, True)[0, 0, 0]) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1


def test_a_large_photograph_is_read_as_if_scaled_at_once(tmp_path: Path) -> None:
    """JPEG is decoded at a fraction of its size: that must not change what is seen."""
    ramp = np.linspace(0, 255, 800).astype(np.uint8)
    pixels = np.stack(
        [np.tile(ramp, (800, 1)), np.tile(ramp[:, None], (1, 800)), np.full((800, 800), 99, np.uint8)], 2
    )
    Image.fromarray(pixels).save(tmp_path / "big.jpg", quality=95)
    picture = read_picture(tmp_path / "big.jpg", 20, False).astype(int)
    plain = np.asarray(Image.fromarray(pixels).resize((20, 20), Image.Resampling.BOX)).transpose(2, 0, 1)
    assert np.abs(picture - plain).max() <= 8


def test_what_does_not_fit_is_read_from_its_files_in_the_same_batches(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path, 500)  # 1,500 pictures of 768 bytes: more than a megabyte
    resident, streamed = ready(folder, memory_limit=2), ready(folder, memory_limit=1)
    assert isinstance(resident.train, ResidentPart)
    assert isinstance(streamed.train, StreamedPart)
    assert np.array_equal(resident.train.indices, streamed.train.indices)
    assert resident.mean == streamed.mean  # fewer than 2,000 training pictures: all are measured
    for first in (0, 3):
        for generators in ((None, None), (epoch(resident), epoch(streamed))):
            ours = list(resident.validation.batches(50, generators[0], first))
            theirs = list(streamed.validation.batches(50, generators[1], first))
            assert len(ours) == len(theirs) == 5 - first
            for (inputs, targets), (their_inputs, their_targets) in zip(ours, theirs, strict=True):
                assert torch.equal(inputs, their_inputs)
                assert torch.equal(targets, their_targets)
    assert any("read from their files" in note for note in streamed.notes)


def epoch(data: Data) -> torch.Generator:
    return data.epoch_generator(2)


def test_reading_from_files_leaves_the_global_stream_alone(tmp_path: Path) -> None:
    """Dropout draws from it: a data set that fits and one that does not must give the same losses."""
    files = PictureFiles([noise(tmp_path / f"{number}.png", number) for number in range(4)], 16)
    streamed = streamed_part(files)
    before = torch.get_rng_state()
    list(streamed.batches(2, torch.Generator().manual_seed(0)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.slow
def test_worker_processes_give_the_same_batches_in_every_epoch(tmp_path: Path) -> None:
    files = PictureFiles([noise(tmp_path / f"{number}.png", number) for number in range(12)], 16)
    alone, helped = streamed_part(files), streamed_part(files, workers=2)
    for number in range(2):
        generators = [torch.Generator().manual_seed(number) for _ in range(2)]
        ours = list(alone.batches(5, generators[0]))
        with warnings.catch_warnings():  # torch warns where there are fewer cores than workers
            warnings.simplefilter("ignore", UserWarning)
            theirs = list(helped.batches(5, generators[1]))
        assert len(ours) == len(theirs) == 3
        assert all(torch.equal(a, b) for a, b in zip(ours[2], theirs[2], strict=True))
        assert all(torch.equal(a[0], b[0]) for a, b in zip(ours, theirs, strict=True))


def streamed_part(files: PictureFiles, workers: int = 0) -> StreamedPart:
    from training.parts import Normalisation

    count = len(files)
    normalise = Normalisation([0.5] * 3, [0.25] * 3, torch.device("cpu"))
    return StreamedPart(files, torch.arange(count), np.arange(count), normalise, workers)


def test_files_that_do_not_fit_are_opened_before_training_starts(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path, 500)
    (folder / "ants" / "001.png").write_bytes(b"no picture")
    data = ready(folder, memory_limit=1)
    assert any("001.png can't be read" in note for note in data.notes)
    assert len(data.train) + len(data.validation) + len(data.test) == 1499


def test_a_picture_that_breaks_later_is_named(tmp_path: Path) -> None:
    files = PictureFiles([noise(tmp_path / f"{number}.png", number) for number in range(4)], 16)
    part = streamed_part(files)
    (tmp_path / "2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png can't be read.*remove the file"):
        list(part.batches(2))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = noise(tmp_path / "secret.png", 1)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PictureError, match=r"secret\.png"):
        read_picture(path, 16, False)


@pytest.mark.data
def test_the_real_subset_of_cifar10_is_read_exactly(real_data: Path) -> None:
    folder = real_data / "cifar10_subset"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    samples = load(folder)
    assert len(samples.predefined["train"]) == 7728
    assert len(samples.predefined["test"]) == 932
    assert samples.class_names[0] == "airplane"
    first = sorted((folder / "test" / "airplane").iterdir())[0]
    place = samples.predefined["test"][0]
    assert np.array_equal(samples.inputs[place], np.asarray(Image.open(first)).transpose(2, 0, 1))
    assert samples.targets[place] == 0
