"""Tables that people bring: what is read, what is made of it, and what is said where it can't be."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

from models.catalog import checked_settings
from training.config import RunConfig
from training.data import Data, load_data
from training.datasets import DATASETS, DataError, Samples

ROWS = "width,height,kind,price\n" + "".join(
    f"{number},{number * number % 17},{'ab'[number % 2]},{3.5 * number}\n" for number in range(40)
)


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(path: Path | str, target: str = "price", task: str = "auto", **settings: object) -> Samples:
    row = DATASETS["table"]
    given = {"path": str(path), "target": target, **settings}
    return row.load(Path("nowhere"), checked_settings("table", row.parameters, given), 0, task)


def ready(path: Path, target: str, **changes: object) -> Data:
    config = RunConfig(
        dataset="table", dataset_settings={"path": str(path), "target": target}, batch_size=4
    ).replace(**changes)
    return load_data(config, torch.device("cpu"), Path("nowhere"))


def test_numbers_stay_and_texts_become_a_column_each(tmp_path: Path) -> None:
    samples = load(write(tmp_path, ROWS))
    assert samples.task == "regression"
    assert samples.target_name == "price"
    assert samples.feature_names == ("width", "height", "kind=a", "kind=b")
    assert np.array_equal(samples.inputs[3], [3, 9, 0, 1])
    assert np.array_equal(samples.targets, 3.5 * np.arange(40))
    assert any("2 different texts" in note for note in samples.notes)


@pytest.mark.parametrize(
    "changed",
    [
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.replace(",", "|"),
        ROWS.replace(",", ", "),
        ROWS.replace("\n", "\r\n"),
        "\n\n" + ROWS,
        ROWS.replace(",", ";").replace(".", ","),
        '"width","height","kind","price"' + ROWS[ROWS.index("\n") :],
    ],
    ids=["semicolons", "tabs", "bars", "spaces", "windows", "blank lines", "decimal commas", "quotes"],
)
def test_every_common_kind_of_csv_is_the_same_table(tmp_path: Path, changed: str) -> None:
    plain, other = load(write(tmp_path, ROWS)), load(write(tmp_path, changed, "other.csv"))
    assert other.feature_names == plain.feature_names
    assert np.array_equal(other.inputs, plain.inputs)
    assert np.array_equal(other.targets, plain.targets)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_names_are_read_in_every_common_encoding(tmp_path: Path, encoding: str) -> None:
    samples = load(write(tmp_path, ROWS.replace("width", "größe").encode(encoding)), features="größe")
    assert samples.feature_names == ("größe",)
    assert any("Windows-1252" in note for note in samples.notes) == (encoding == "cp1252")


def test_parquet_is_the_same_table_as_csv(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    pandas.read_csv(path).to_parquet(tmp_path / "table.parquet")
    plain, other = load(path), load(tmp_path / "table.parquet")
    assert other.feature_names == plain.feature_names
    assert np.array_equal(other.inputs, plain.inputs)


def test_parquet_columns_of_every_kind_become_numbers_or_are_left_out(tmp_path: Path) -> None:
    days = [datetime.date(1970, 1, 1) + datetime.timedelta(days=day) for day in range(6)]
    frame = pandas.DataFrame(
        {
            "day": days,
            "moment": pandas.to_datetime(days).tz_localize("UTC"),
            "money": [Decimal(number) / 4 for number in range(6)],
            "flag": [True, False] * 3,
            "maybe": pandas.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "grade": pandas.Categorical(list("abcabc")),
            "list": [[1], [2], [3], [4], [5], [6]],
            "empty": [None] * 6,
            "price": np.arange(6) / 2,
        },
        index=pandas.Index(range(10, 16)),
    )
    frame.to_parquet(tmp_path / "table.parquet")
    samples = load(tmp_path / "table.parquet")
    assert samples.feature_names == (
        *("day", "moment", "money", "flag", "maybe"),
        *("grade=a", "grade=b", "grade=c"),
    )
    assert np.array_equal(samples.inputs[2], [2, 2, 0.5, 1, 3, 0, 0, 1])
    assert np.isnan(samples.inputs[1, 4])
    notes = " ".join(samples.notes)
    assert "list: left out" in notes
    assert "empty: left out, as it has no value at all" in notes


def test_only_the_features_asked_for_are_used_in_their_order(tmp_path: Path) -> None:
    assert load(write(tmp_path, ROWS), features=" height, width ").feature_names == ("height", "width")
    quoted = ROWS.replace("width", '"width, cm"')
    assert load(write(tmp_path, quoted), features='"width, cm"').feature_names == ("width, cm",)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"target": "prise"}, r"no column 'prise' \(target\); did you mean 'price'\? it has: width, height"),
        ({"target": ""}, "name the column to predict: width, height, kind, price"),
        ({"features": "width,heigth"}, r"no column 'heigth' \(features\); did you mean 'height'"),
        ({"features": "width,price"}, "'price' is the target"),
        ({"target": "kind", "task": "regression"}, r"'kind' holds texts, such as 'a'.*--task classification"),
    ],
)
def test_a_wrong_column_is_named_with_the_way_out(tmp_path: Path, settings: dict[str, str], why: str) -> None:
    with pytest.raises(DataError, match=why):
        load(write(tmp_path, ROWS), **settings)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("\n\n", "is empty|one column"),
        ("width,price\n", "no rows"),
        ("1,2\n3,4\n", "first line .* holds numbers"),
        ("price\n1\n2\n", "has the one column"),
        ("a,b,a,price\n1,2,3,4\n", "several columns named a;"),
        ("a,price\n1,2\n1,2,3,4\n", "no regular table.*line 3"),
        ("a,price\n1,2,3\n1,2,3\n", "more values than the first line has names"),
        (b"PK\x03\x04 spreadsheet", "spreadsheet or a zip archive; save the table as CSV"),
        (b"\x1f\x8b compressed", "is compressed; unpack it"),
        (b"a,b\0\0\1,c", "is no text"),
        (b"PAR1 but no more of it", "no readable Parquet file"),
        ("a,price\n1,\n2,\n", "no value in any row"),
        ("a,price\n,1\n,2\n", "no usable feature: a: it has no value at all"),
        ("a,price\n1,x\n2,x\n", "'x' in every row"),
    ],
)
def test_a_file_that_is_no_table_is_told_in_a_sentence(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        load(write(tmp_path, content))


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    column = pyarrow.array([1.0, 2.0])
    table = pyarrow.Table.from_arrays([column, column, column], names=["a", " a", "price"])
    parquet.write_table(table, tmp_path / "table.parquet")
    with pytest.raises(DataError, match="several columns named a;"):
        load(tmp_path / "table.parquet")


def test_a_path_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"path of table is empty.*--path"):
        load("")
    with pytest.raises(DataError, match=r"there is no .*nowhere.*missing\.csv"):
        load("missing.csv")
    with pytest.raises(DataError, match="is a folder"):
        load(tmp_path)


def test_a_relative_path_is_looked_for_in_the_data_folder(tmp_path: Path) -> None:
    write(tmp_path, ROWS)
    row = DATASETS["table"]
    settings = checked_settings("table", row.parameters, {"path": "table.csv", "target": "price"})
    assert len(row.load(tmp_path, settings, 0, "auto").targets) == 40


def test_a_column_without_a_name_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    pandas.DataFrame({"width": [1.0, 2.0], "price": [1.5, 2.5]}).to_csv(path)  # writes its row numbers along
    samples = load(path)
    assert samples.feature_names == ("width",)
    assert any("column 1 of table.csv has no name" in note for note in samples.notes)


def test_a_few_mistakes_among_numbers_count_as_missing_and_are_said(tmp_path: Path) -> None:
    samples = load(write(tmp_path, ROWS.replace("\n7,", "\nabout 7,")))
    assert samples.feature_names[0] == "width"
    assert np.isnan(samples.inputs[7, 0])
    assert any("no numbers count as missing: 1, such as 'about 7'" in note for note in samples.notes)


def test_a_column_of_too_many_texts_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    named = "id,width,price\n" + "".join(f"n{number},{number},{number / 2}\n" for number in range(40))
    path = write(tmp_path, named)
    samples = load(path)
    assert samples.feature_names == ("width",)
    assert any("id: left out, as it has 40 different texts" in note for note in samples.notes)
    with pytest.raises(DataError, match=r"'id' can't be used: it has 40 different texts.*category_limit"):
        load(path, features="id")
    assert len(load(path, features="id", category_limit=40).feature_names) == 40


def test_a_missing_text_is_a_text_of_its_own(tmp_path: Path) -> None:
    samples = load(write(tmp_path, "kind,price\na,0.5\n,1.5\nb,2.5\n"))
    assert samples.feature_names == ("kind=a", "kind=b", "kind=(missing)")
    assert np.array_equal(samples.inputs, np.eye(3)[[0, 2, 1]])


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        (["x", "y", "x", "y"], "classification", ("x", "y")),
        (["10", "9", "10", "9", "9", "10"], "classification", ("9", "10")),  # in the order of numbers
        (["True", "False", "True", "False"], "classification", ("False", "True")),
        (["0.5", "1.5", "0.5", "1.5"], "regression", ()),
        (["1", "2", "3", "4"], "regression", ()),  # a different number in each row
        (["1", "2", "", "1", "2", "1", "2"], "classification", ("1", "2")),
    ],
)
def test_the_task_follows_the_targets_and_is_said(
    tmp_path: Path, values: list[str], task: str, names: tuple[str, ...]
) -> None:
    rows = "".join(f"{number},{value}\n" for number, value in enumerate(values))
    samples = load(write(tmp_path, "width,price\n" + rows))
    assert (samples.task, samples.class_names) == (task, names)
    assert any("price is taken for" in note and "--task" in note for note in samples.notes)


def test_a_task_asked_for_is_obeyed(tmp_path: Path) -> None:
    path = write(tmp_path, "width,price\n" + "".join(f"{n},{n % 4}\n" for n in range(40)))
    assert load(path, task="regression").targets.dtype == np.float64
    classes = load(write(tmp_path, ROWS), task="classification")
    assert classes.class_names[:3] == ("0", "3.5", "7")
    assert classes.targets[:3].tolist() == [0, 1, 2]


def test_rows_without_a_target_are_in_no_part(tmp_path: Path) -> None:
    text = ROWS.replace(",17.5\n", ",\n").replace(",35.0\n", ",inf\n")
    samples = load(write(tmp_path, text))
    assert set(range(40)) - set(samples.predefined["train"].tolist()) == {5, 10}
    assert any("2 of 40 rows have no price" in note for note in samples.notes)


def test_more_than_a_thousand_classes_are_refused(tmp_path: Path) -> None:
    text = "width,price\n" + "".join(f"{number},n{number}\n" for number in range(1001))
    with pytest.raises(DataError, match=r"1,001 different values.*--task regression"):
        load(write(tmp_path, text))


def holed(folder: Path) -> Path:
    lines = ROWS.splitlines()
    for place in (3, 8, 30):
        lines[place + 1] = "," + lines[place + 1].split(",", 1)[1]
    return write(folder, "\n".join(lines))


def test_holes_are_filled_with_the_median_of_the_training_rows_and_marked(tmp_path: Path) -> None:
    data = ready(holed(tmp_path), "price")
    assert data.feature_names == ("width", "height", "kind=a", "kind=b", "width is missing")
    width = np.arange(40.0)
    known = [row for row in data.train.indices if row not in (3, 8, 30)]
    width[[3, 8, 30]] = np.median(width[known])
    for part in (data.train, data.validation, data.test):
        inputs, _ = data.preview(part, 40)
        assert inputs[:, 0] == pytest.approx(width[part.indices], abs=1e-4)
        assert np.array_equal(inputs[:, 4] == 1, np.isin(part.indices, [3, 8, 30]))
    assert any("3 of 40 values are missing" in note and "median" in note for note in data.notes)


def test_rows_with_holes_can_be_dropped_instead(tmp_path: Path) -> None:
    data = ready(holed(tmp_path), "price", missing_values="drop")
    used = np.concatenate([data.train.indices, data.validation.indices, data.test.indices])
    assert np.array_equal(np.sort(used), np.setdiff1d(np.arange(40), [3, 8, 30]))
    assert data.feature_names == ("width", "height", "kind=a", "kind=b")
    assert any("3 of 40 rows lack a value, and are left out" in note for note in data.notes)


def test_dropping_every_row_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,price\n" + "1,,0.5\n,2,1.5\n" * 10)
    with pytest.raises(DataError, match=r"no row with 'price' and all features.*median"):
        load(path, missing_values="drop")


def test_a_constant_column_is_left_out_and_said(tmp_path: Path) -> None:
    text = ROWS.replace("width", "unit,width").replace("\n", "\n7,").removesuffix("7,")
    data = ready(write(tmp_path, text), "price")
    assert "unit" not in data.feature_names
    assert any("one value in all training samples: unit" in note for note in data.notes)
    with pytest.raises(DataError, match=r"no feature varies .* \(unit\)"):
        ready(write(tmp_path, text), "price", features="unit")


def test_a_target_that_is_always_the_same_number_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a,price\n" + "".join(f"{number},2.5\n" for number in range(40)))
    with pytest.raises(DataError, match=r"price is 2.5 in all"):
        ready(path, "price")


def test_regression_targets_are_standardised_by_training_and_come_back_in_their_unit(
    tmp_path: Path,
) -> None:
    data = ready(write(tmp_path, ROWS), "price")
    price = 3.5 * np.arange(40)
    assert data.num_classes is None
    assert data.target_mean == pytest.approx(price[data.train.indices].mean())
    assert data.target_std == pytest.approx(price[data.train.indices].std())
    assert data.train.targets.dtype == torch.float32
    assert float(data.train.targets.mean()) == pytest.approx(0, abs=1e-6)
    assert float(data.train.targets.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert data.in_units(data.test.targets).numpy() == pytest.approx(price[data.test.indices], rel=1e-5)


def test_large_numbers_keep_their_differences(tmp_path: Path) -> None:
    """Seconds since 1970 differ by less than a float32 can tell apart."""
    text = "time,price\n" + "".join(f"{1_700_000_000 + n},{n / 2}\n" for n in range(40))
    data = ready(write(tmp_path, text), "price")
    assert len(torch.unique(next(data.train.batches(40))[0])) == len(data.train)


@pytest.mark.data
def test_california_housing_with_its_holes_and_texts_is_ready_to_learn(real_data: Path) -> None:
    path = real_data / "tabular" / "california_housing.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    data = ready(path, "median_house_value", batch_size=64)
    frame = pandas.read_csv(path)
    assert data.task == "regression"
    assert len(data.feature_names) == 14
    assert sum(name.startswith("ocean_proximity=") for name in data.feature_names) == 5
    assert any("207 of 20,640" in note for note in data.notes)
    assert (len(data.train), len(data.validation), len(data.test)) == (14_448, 3096, 3096)
    inputs, targets = data.preview(data.test, 5)
    rows = data.test.indices[:5]
    assert targets == pytest.approx(frame["median_house_value"].to_numpy()[rows], rel=1e-5)
    assert inputs[:, 7] == pytest.approx(frame["median_income"].to_numpy()[rows], rel=1e-4)


def test_a_group_column_says_who_belongs_together_and_is_no_feature(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'xyz'[n % 3] if n != 7 else ''},{2.5 * n}\n" for n in range(30))
    path = write(tmp_path, "width,writer,price\n" + rows)
    samples = load(path, group_column="writer")
    assert samples.feature_names == ("width",)
    assert samples.groups is not None
    assert samples.groups.tolist() == [n % 3 if n != 7 else -1 for n in range(30)]
    assert 7 not in samples.predefined["train"]
    assert any("1 rows lack their writer" in note for note in samples.notes)
    assert load(path).groups is None


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"group_column": "kidn"}, "did you mean 'kind'"),
        ({"group_column": "price"}, "can't be the group_column too"),
        ({"group_column": "kind", "features": "width, kind"}, "can't be a feature too: new groups"),
    ],
)
def test_a_group_column_that_can_not_be_is_told(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        load(write(tmp_path, ROWS), **settings)
