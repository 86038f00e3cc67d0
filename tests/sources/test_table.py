"""Tables of files and labels: columns, splits, rows, and everything that can be wrong with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augfactory.errors import AugfactoryError, InputDataError, RecipeError
from augfactory.records import Source, SourceOptions, SourceSpec
from augfactory.sources.opening import open_source
from tests.sources.written import HEIGHT, WIDTH, image_of, noise

IMAGES = noise(6, HEIGHT, WIDTH, 3)
KINDS = ["cat", "dog", "cat", "ape", "dog", "ape"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder ``flat`` of 0.png to 5.png, and a table beside it."""
    (tmp_path / "flat").mkdir()
    for number, pixels in enumerate(IMAGES):
        image_of(pixels).save(tmp_path / "flat" / f"{number}.png")
    return tmp_path


def write(path: Path, *lines: str, separator: str = ",") -> Path:
    path.write_text("\n".join(line.replace(",", separator) for line in lines) + "\n", "utf-8")
    return path


def rows(form: str = "{n}.png,{k}") -> list[str]:
    return [form.format(n=number, k=kind) for number, kind in enumerate(KINDS)]


def opened(path: object, **options: object) -> Source:
    return open_source(SourceSpec(str(path), options=SourceOptions(**options)))  # type: ignore[arg-type]


def refusal(path: object, kind: type[AugfactoryError] = InputDataError, **options: object) -> str:
    with pytest.raises(kind) as caught:
        opened(path, **options)
    return str(caught.value)


def check(source: Source) -> None:
    """Hold a source to the six images in the order of the table."""
    assert source.class_names == ("ape", "cat", "dog")
    assert [source.class_names[label] for label in source.labels] == KINDS
    assert np.array_equal(source.read_images(np.array([5, 0, 0])), IMAGES[[5, 0, 0]])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("label", ["label", "Klasse"])
def test_a_table_beside_its_images(root: Path, separator: str, label: str) -> None:
    table = write(root / "flat" / "train.csv", f"file,{label}", *rows(), separator=separator)
    source = opened(table)
    check(source)
    assert source.row_name(3) == "3.png"
    assert source.split is None
    assert source.options.file_column == "file"
    assert f"files from column 'file', classes from column '{label}'" in source.notes[0]


def test_a_tab_separated_table_with_a_mark_and_quotes(root: Path) -> None:
    text = "image id\tspecies\n" + "".join(
        f'"flat/{n}.png"\t"{k}"\r\n' for n, k in enumerate(KINDS)
    )
    (root / "a.tsv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    source = opened(root / "a.tsv")
    check(source)
    assert (source.options.file_column, source.options.label_column) == ("image id", "species")


def test_a_parquet_table(root: Path) -> None:
    columns = {"path": [f"{n}" for n in range(6)], "target": KINDS, "x": [[1.0]] * 6}
    pq.write_table(pa.table(columns), root / "flat" / "t.parquet")
    check(opened(root / "flat" / "t.parquet"))


def test_a_table_without_names_of_columns(root: Path) -> None:
    source = opened(write(root / "flat" / "list.csv", *rows()))
    check(source)
    assert (source.options.file_column, source.options.label_column) == ("1", "2")


def test_columns_that_are_named_and_files_elsewhere(root: Path) -> None:
    (root / "tables").mkdir()
    lines = ["id,name,label,sort", *(f"{n},n,{n % 2},{k}" for n, k in enumerate(KINDS))]
    table = write(root / "tables" / "t.csv", *lines)
    source = opened(table, root="../flat", file_column="id", label_column="sort")
    check(source)
    assert source.notes == ()
    assert source.columns["label"].tolist() == ["0", "1"] * 3
    part = source.restricted_to(np.array([4, 1]))
    assert part.columns["id"].tolist() == ["4", "1"]


@pytest.mark.parametrize("form", ["{n}", "./{n}.png", "../flat/{n}.png", "sub\\{n}.png"])
def test_ways_of_writing_a_file(root: Path, form: str) -> None:
    (root / "flat" / "sub").symlink_to(root / "flat")
    check(opened(write(root / "flat" / "t.csv", "file,label", *rows(form + ",{k}"))))


def test_whole_numbers_are_in_their_order(root: Path) -> None:
    lines = [f"{n}.png,{[10, 9, 10, 2, 9, 2][n]}" for n in range(6)]
    source = opened(write(root / "flat" / "t.csv", "file,label", *lines))
    assert source.class_names == ("2", "9", "10")
    assert source.labels.tolist() == [2, 1, 2, 0, 1, 0]
    floats = [line + ".0" for line in lines]  # as pandas writes them
    assert opened(write(root / "flat" / "u.csv", "file,label", *floats)).class_names[2] == "10"


def test_splits_in_a_column(root: Path) -> None:
    words = ["train", "train", "Training", "val", "valid", "test"]
    lines = [f"{line},{word}" for line, word in zip(rows(), words, strict=True)]
    table = write(root / "flat" / "t.csv", "file,label,split", *lines)
    with pytest.raises(InputDataError, match="all rows are of class"):
        opened(f"{table}:test")
    for suffix, numbers, split in (
        ("", [0, 1, 2], "train"), (":train", [0, 1, 2], "train"), (":val", [3, 4], "validation"),
    ):  # fmt: skip
        source = opened(f"{table}{suffix}")
        assert source.split == split
        assert source.class_names == ("ape", "cat", "dog")
        assert np.array_equal(source.read_images(np.arange(len(source))), IMAGES[numbers])
    assert "no column tells" in refusal(
        f"{write(root / 'flat' / 'u.csv', 'file,label', *rows())}:val"
    )
    both = write(root / "flat" / "v.csv", "file,label,split", *lines, "0.png,cat,test")
    assert "0.png is in the test split, and on line 2 in the train split" in refusal(both)


def test_a_file_that_is_named_again(root: Path) -> None:
    table = write(root / "flat" / "t.csv", "file,label", *rows(), "2.png,cat", "2.png,cat")
    source = opened(table)
    check(source)
    assert "2 rows name a file again" in source.notes[1]
    table = write(root / "flat" / "t.csv", "file,label", *rows(), "2.png,dog")
    assert "line 8: 2.png has another class than on line 4" in refusal(table)


def lines_with(changed: Callable[[list[str]], object]) -> list[str]:
    lines = ["file,label", *rows()]
    changed(lines)
    return lines


@pytest.mark.parametrize(
    ("lines", "said", "remedy"),
    [
        (["file,label"], "no rows", "row for each image"),
        (lines_with(lambda t: t.append("9.png,cat")), "1 of 7 files are not in", "--root"),
        (lines_with(lambda t: t.insert(2, "1.png,")), "no label in column 'label': line 3", "Fill"),
        (lines_with(lambda t: t.append(",cat")), "line 8: it names no file", "Fill"),
        (lines_with(lambda t: t.append("a,b,c")), "line 8: 3 cells", "Mend"),
        (["file,label,file", "a,b,c"], "two columns are called 'file'", "Rename"),
        (["u,v,w", "a,b,c"], "name the image files: 'u', 'v', 'w'", "--file-column"),
        (["file,v,w", "a,b,c"], "hold the labels: 'v', 'w'", "--label-column"),
        (["file,xmin,ymin", "0.png,3,4"], "'xmin' holds boxes", "classification only"),
        (["image,mask", "0.png,1.png", "1.png,2.png"], "'mask' holds masks", "only"),
        (["image,mask,w", "0.png,1.png,2"], "'mask' holds masks", "classification only"),
        (["file,cat,dog", "0.png,1,0", "1.png,0,1"], "0 and 1 for each class", "only"),
        (["file,age", "0.png,1.5", "1.png,2.25"], "numbers such as 1.5, 2.25", "--label-column"),
        (["file,age", *(f"0.png,{n}" for n in range(99))], "99 different numbers", "only"),
        (["file,label", *(f"0.png,k{n}" for n in range(99))], "99 different texts", "only"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(root: Path, lines: list[str], said: str, remedy: str) -> None:
    message = refusal(write(root / "flat" / "t.csv", *lines))
    assert message.startswith(str(root))
    assert said in message
    assert remedy in message


def test_what_else_is_refused(root: Path) -> None:
    table = write(root / "t.csv", "file,label", *rows())
    assert f"add --root '{root}/flat'" in refusal(table)
    assert "there is no such folder" in refusal(table, root="nowhere")
    said = refusal(table, RecipeError, file_column="fil")
    assert "--file-column" in said
    assert "'file'" in said
    (root / "t.csv").write_bytes(b"file,label\n\xff\xfe,1\n")
    assert "cannot be read as a table" in refusal(table)
    (root / "t.parquet").write_bytes(b"PAR1")
    assert "cannot be read as Parquet" in refusal(root / "t.parquet")
    np.savez(root / "a.npz", x=IMAGES, y=np.arange(6) % 2)
    assert "is no table" in refusal(root / "a.npz", RecipeError, root="flat")
    for number in range(6):
        (root / "flat" / f"{number}.heic").write_bytes(b"")
    heic = write(root / "flat" / "h.csv", "file,label", *rows("{n}.heic,{k}"))
    assert "HEIC" in refusal(heic)


def test_files_out_of_the_root(root: Path) -> None:
    (root / "in").mkdir()
    table = write(root / "in" / "t.csv", "file,label", *rows(f"{root}/flat/{{n}}.png,{{k}}"))
    assert "leads out of" in refusal(table)
    check(opened(table, follow_links=True))
    check(opened(table, root="../flat"))
    for number in range(6):
        (root / "in" / f"{number}.png").symlink_to(root / "flat" / f"{number}.png")
    table = write(root / "in" / "links.csv", "file,label", *rows())
    assert "line 2: 0.png leads out of" in refusal(table)
    check(opened(table, follow_links=True))
