"""Pictures named by a table: read, refused, and never from outside its folder."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
import skops.io
from deltalake import write_deltalake
from pictures import digits, write
from PIL import Image
from sklearn.compose import ColumnTransformer

from factory.columns import DataConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Column, Schema
from factory.pictures import Pictures, read_cells
from factory.texts import Terms
from registry.bundles import TRUSTED_TYPES
from registry.frames import load_frame, save_frame
from registry.home import open_home
from registry.pictures import decoded, encoded, from_numbers, picture_cell, with_pictures
from registry.sources import read_to_score, read_training, read_window
from registry.streams import read_in_order

IMAGE = {"column": "file", "height": 8, "width": 8}
FILE = Column("file", "image", (8, 8, 1))
SCHEMA = Schema((FILE,), "digit", "multiclass", classes=tuple("0123456789"))


@pytest.fixture
def table(tmp_path):
    pixels, labels = digits()
    return write(tmp_path, "rows", pixels[:60], labels[:60])


def config(table, **more):
    return DataConfig(**{"path": str(table), "target": "digit", "image": IMAGE, **more})


def edited(table, rows):
    """Write a table whose first files are others."""
    frame = pd.read_csv(table, dtype=str)
    frame.loc[: len(rows) - 1, "file"] = rows
    frame.to_csv(table, index=False)
    return table


def test_a_feature_holds_the_pixels_of_its_files(table):
    rows = read_training(config(table))
    assert rows.schema.features == (FILE,)
    pixels, lost = read_cells(rows.frame["file"], FILE.shape)
    assert np.array_equal(pixels[..., 0], digits()[0][:60])
    assert not lost.any()
    assert (rows.dropped, rows.ignored) == ({}, {})


def test_all_readers_see_the_same_and_the_hash_is_that_of_the_pixels(table, tmp_path):
    window, (scored, _) = read_window(str(table), SCHEMA), read_to_score(str(table), SCHEMA)
    assert window.frame["file"].equals(scored["file"])
    streamed, _ = read_in_order(str(table), config(table))
    assert streamed["file"].tolist() == scored["file"].tolist()
    frame = pd.read_csv(table)
    frame.to_parquet(tmp_path / "rows.parquet")
    write_deltalake(tmp_path / "delta", frame)
    for other in ("rows.parquet", "delta"):
        assert read_window(str(tmp_path / other), SCHEMA).version == window.version
    changed = digits()[0][:60].copy()
    changed[3, 0, 0] += 1
    write(tmp_path, "rows", changed, frame["digit"])
    assert read_window(str(table), SCHEMA).version.sha256 != window.version.sha256


def test_rows_of_pictures_are_kept(table, tmp_path, migrated):
    home = open_home(tmp_path / "home", {})
    window = read_window(str(table), SCHEMA)
    save_frame(home, window.frame, window.version)
    again, _ = load_frame(home, window.version.sha256)
    assert again.equals(window.frame)


def test_what_is_no_picture_is_a_broken_cell_of_a_window_and_no_row_to_learn_from(table, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "pictures" / "cut.png").write_bytes(encoded(np.zeros((9, 9, 1), np.uint8))[:40])
    edited(table, ["absent.png", "text.png", "pictures/cut.png", ""])
    window = read_window(str(table), SCHEMA)
    assert window.unreadable["file"].tolist() == [True] * 3 + [False] * 57
    assert window.examples == {"file": "absent.png"}
    assert window.frame["file"].isna().tolist() == [True] * 4 + [False] * 56
    assert read_training(config(table)).dropped == {"file unreadable": 3}


def test_no_name_leads_out_of_the_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded(np.full((8, 8, 1), 9, np.uint8)))
    inside = tmp_path / "data"
    table = write(inside, "rows", digits()[0][:9], digits()[1][:9])
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    names = ["../secret.png", str(tmp_path / "secret.png"), "link.png", "pictures/../../secret.png"]
    window = read_window(str(edited(table, names)), SCHEMA)
    assert window.unreadable["file"].tolist() == [True] * 4 + [False] * 5


def test_a_database_names_no_files():
    raw = pd.DataFrame({"file": ["/etc/x.png", "x.png"]})
    assert (
        with_pictures(raw, [FILE], "sqlite:///rows.db#t")["file"].tolist() == raw["file"].tolist()
    )


def test_files_are_brought_to_the_size_and_arrays_must_have_it(tmp_path):
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:8] = (200, 100, 50)
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=100)
    np.save(tmp_path / "b.npy", np.full((4, 4, 3), 0.5))
    np.save(tmp_path / "c.npy", np.zeros((5, 4, 3)))
    np.save(tmp_path / "d.npy", np.array([{}], dtype=object), allow_pickle=True)
    column = Column("file", "image", (4, 4, 3))
    raw = pd.DataFrame({"file": ["a.jpg", "b.npy", "c.npy", "d.npy"]})
    found = with_pictures(raw, [column], str(tmp_path / "rows.csv"))["file"]
    pixels, lost = read_cells(found, column.shape)
    assert lost.tolist() == [False, False, True, True]
    assert pixels[0, 0, 0] == pytest.approx([200, 100, 50], abs=3)
    assert pixels[0, 3].max() <= 3
    assert (pixels[1] == 128).all()


def test_pictures_of_requests_are_files_in_base64_or_the_pixels():
    picture = digits()[0][0][..., None]
    file = base64.b64encode(encoded(picture)).decode()
    cell = picture_cell(file, FILE.shape)
    assert np.array_equal(read_cells([cell], FILE.shape)[0][0], picture)
    assert picture_cell(f"data:image/png;base64,{file}", FILE.shape) == cell
    assert picture_cell(cell, FILE.shape) == cell
    for odd in ("", "cat.png", "AAAA", file[:60], base64.b64encode(b"GIF89a").decode()):
        assert picture_cell(odd, FILE.shape) is None
    assert np.array_equal(from_numbers(picture[..., 0].tolist(), FILE.shape), picture)
    assert from_numbers([[256]], (1, 1, 1)) is None
    assert from_numbers([[-0.1]], (1, 1, 1)) is None
    assert from_numbers([[float("nan")]], (1, 1, 1)) is None


def test_a_small_file_of_a_huge_picture_is_not_unfolded():
    file = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    assert decoded(file.getvalue(), FILE.shape) is None


def test_a_config_that_cannot_be_meant_is_refused(table):
    with pytest.raises(BadConfig, match=r"data\.image names 'fil'"):
        read_training(config(table, image={**IMAGE, "column": "fil"}))
    with pytest.raises(BadConfig, match="something else as well"):
        read_training(config(table, ignore=("file",)))
    edited(table, ["nothing.png"] * 60)
    with pytest.raises(BadData, match="No picture of 'file' can be read"):
        read_training(config(table))
    with pytest.raises(BadData, match="is no image"):
        read_window(str(table), SCHEMA)


def test_prose_is_a_text_and_names_are_left_out(tmp_path):
    rows = range(200)
    frame = pd.DataFrame({
        "review": [f"a fine and rare wine number {n}" for n in rows],
        "name": [f"Wine {n}" for n in rows],
        "y": [n % 7 / 2 for n in rows],
    })  # fmt: skip
    frame.to_csv(tmp_path / "wines.csv", index=False)
    found = read_training(DataConfig(path=str(tmp_path / "wines.csv"), target="y"))
    assert found.schema.features == (Column("review", "text"),)
    assert "different texts" in found.ignored["name"]
    told = DataConfig(path=str(tmp_path / "wines.csv"), target="y", types={"name": "text"})
    assert [c.kind for c in read_training(told).schema.features] == ["text", "text"]


def test_steps_of_texts_and_pictures_are_stored_without_pickle(table, tmp_path):
    frame = read_window(str(table), SCHEMA).frame.assign(review="a fine wine")
    blocks = [("image", Pictures(FILE.shape), ["file"]), ("text", Terms(5), ["review"])]
    steps = ColumnTransformer(blocks).fit(frame)
    skops.io.dump(steps, tmp_path / "steps.skops")
    loaded = skops.io.load(tmp_path / "steps.skops", trusted=list(TRUSTED_TYPES))
    assert np.array_equal(loaded.transform(frame), steps.transform(frame))
