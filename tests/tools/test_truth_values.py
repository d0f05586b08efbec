"""True of a table and yes of a person are one value, and metadata say which of their columns names the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.tools.errors import RetryError, UserError
from failsight.tools.experiments.population import Filter, compare


@pytest.mark.parametrize(
    "column",
    [
        [True, False, True, None],
        ["True", "False", "True", None],
        ["yes", "no", "yes", None],
        ["TRUE", "FALSE", "TRUE", None],
    ],
)
@pytest.mark.parametrize("said", ["true", "True", "yes", "YES"])
def test_truth_values_match_however_they_are_written(column: list[object], said: str) -> None:
    values = np.array(column, object)
    assert compare(Filter("night", "=", said), values).tolist() == [True, False, True, False]
    assert compare(Filter("night", "!=", said), values).tolist() == [False, True, False, False]


def test_other_words_are_no_truth_values() -> None:
    values = np.array(["yes", "no", "perhaps"], object)
    assert compare(Filter("night", "=", "yes"), values).tolist() == [True, False, False]
    with pytest.raises(RetryError, match="is never 'true'"):
        compare(Filter("night", "=", "true"), values)
    with pytest.raises(RetryError, match="is a number"):
        compare(Filter("night", "=", "true"), np.array([1, 0], object))


def test_metadata_without_the_column_that_names_the_image_are_asked_about(tmp_path: Path) -> None:
    answers, meta = tmp_path / "answers.csv", tmp_path / "meta.csv"
    answers.write_text("path,label,prediction\n" + "\n".join(f"{i}.png,{'ab'[i % 2]},a" for i in range(30)))
    meta.write_text("file,copy,night\n" + "\n".join(f"{i}.png,{i}.png,True" for i in range(30)))
    with pytest.raises(UserError) as refused:
        open_case(predictions=answers, metadata=meta, out=tmp_path / "case")
    assert "was not said. Give it with --metadata-key (metadata_key=): one of file, copy, night." in str(
        refused.value
    )
    open_case(predictions=answers, metadata=meta, metadata_key="file", out=tmp_path / "case").close()
    meta.write_text("file,night\n" + "\n".join(f"{i}.png,True" for i in range(30)))
    with open_case(predictions=answers, metadata=meta, out=tmp_path / "found") as case:
        assert "night" in case.table().columns


def test_file_names_that_several_images_have_name_none_of_them(tmp_path: Path) -> None:
    """``a``, ``b`` and ``c`` are cameras here: in each folder lies one picture called so."""
    answers, meta = tmp_path / "answers.csv", tmp_path / "meta.csv"
    places = [f"{place}/{camera}.png" for place in range(10) for camera in "abc"]
    answers.write_text(
        "path,label,prediction\n" + "\n".join(f"{p},{'xy'[i % 2]},x" for i, p in enumerate(places))
    )
    meta.write_text("camera,night\n" + "\n".join(f"{p[-5]},{i % 2 > 0}" for i, p in enumerate(places)))
    with pytest.raises(UserError, match="was not said"):
        open_case(predictions=answers, metadata=meta, out=tmp_path / "case")
    meta.write_text(
        "camera,file,night\n" + "\n".join(f"{p[-5]},{p},{i % 2 > 0}" for i, p in enumerate(places))
    )
    with open_case(predictions=answers, metadata=meta, out=tmp_path / "found") as case:
        assert any("The column file of meta.csv names the image" in n for n in case.describe_case().notes)
