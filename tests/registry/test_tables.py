import gzip
import zipfile

import pandas as pd
import pytest
import sqlalchemy
from deltalake import write_deltalake

from factory.errors import BadConfig, BadData, Unavailable
from registry.tables import read_table

ROWS = pd.DataFrame({"n": [1, 2, 3], "t": ["007", "b, c", 'q"u\nx'], "f": [0.5, None, 2.0]})
TEXT = ROWS.to_csv(index=False).encode()


def kept(frame):
    """A frame's cells as text, whatever its types."""
    return [[None if pd.isna(v) else str(v) for v in frame[name]] for name in frame.columns]


def write(folder, name, content=TEXT):
    (folder / name).write_bytes(content)
    return str(folder / name)


def zipped(folder, members):
    with zipfile.ZipFile(folder / "a.csv.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(folder / "a.csv.zip")


def database(folder, frame=ROWS, key=""):
    url = f"sqlite:///{folder / 'a.db'}"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE rows (n INTEGER {key}, t TEXT, f REAL)")
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
            connection.exec_driver_sql("INSERT INTO rows VALUES (?, ?, ?)", tuple(row))
    return url


def test_every_format_gives_the_same_cells(tmp_path):
    expected = [["1", "2", "3"], ["007", "b, c", 'q"u\nx'], ["0.5", None, "2.0"]]
    ROWS.to_parquet(tmp_path / "a.parquet")
    write_deltalake(str(tmp_path / "delta"), ROWS)
    locations = [
        write(tmp_path, "a.csv"),
        write(tmp_path, "B.CSV"),
        write(tmp_path, "a.csv.gz", gzip.compress(TEXT)),
        zipped(tmp_path, {"x.csv": TEXT, "readme.txt": b""}),
        write(tmp_path, "bom.csv", b"\xef\xbb\xbf" + TEXT),
        write(tmp_path, "semicolon.csv", ROWS.to_csv(index=False, sep=";").encode()),
        write(tmp_path, "tab.csv", ROWS.to_csv(index=False, sep="\t").encode()),
        str(tmp_path / "a.parquet"),
        str(tmp_path / "delta"),
        database(tmp_path) + "#rows",
    ]
    for location in locations:
        frame = read_table(location)
        assert list(frame.columns) == ["n", "t", "f"], location
        assert kept(frame) == expected, location


def test_large_whole_numbers_are_not_rounded(tmp_path):
    large = pd.DataFrame({"n": [2**53 + 1, None], "t": ["a", "b"], "f": [None, None]}, dtype=object)
    assert kept(read_table(database(tmp_path, large) + "#rows"))[0] == [str(2**53 + 1), None]


def test_sql_rows_come_in_the_order_of_their_key(tmp_path):
    url = database(tmp_path, ROWS.iloc[::-1], key="PRIMARY KEY")
    assert kept(read_table(f"{url}#rows"))[0] == ["1", "2", "3"]


def test_an_index_that_pandas_kept_is_no_column(tmp_path):
    ROWS.iloc[::2].to_parquet(tmp_path / "a.parquet")
    assert list(read_table(str(tmp_path / "a.parquet")).columns) == ["n", "t", "f"]


BAD = {
    "no file": (lambda d: str(d / "absent.csv"), BadData, "No file"),
    "near name": (lambda d: write(d, "rows.csv") and str(d / "row.csv"), BadData, "'rows.csv'"),
    "no ending": (lambda d: write(d, "rows"), BadData, "no ending"),
    "unknown ending": (lambda d: write(d, "rows.xlsx"), BadData, r"\.xlsx"),
    "empty": (lambda d: write(d, "a.csv", b""), BadData, "is empty"),
    "blank": (lambda d: write(d, "a.csv", b"\n \n"), BadData, "is empty"),
    "header only": (lambda d: write(d, "a.csv", b"a,b\n"), BadData, "no rows"),
    "ragged": (lambda d: write(d, "a.csv", b"a,b\n1,2,3\n"), BadData, "Expected 2 columns"),
    "not UTF-8": (lambda d: write(d, "a.csv", b"a,b\n\xff,2\n"), BadData, "UTF"),
    "header not UTF-8": (lambda d: write(d, "a.csv", b"\xff,b\n1,2\n"), BadData, "not UTF-8"),
    "two of a name": (lambda d: write(d, "a.csv", b"a,a\n1,2\n"), BadData, "2 columns named 'a'"),
    "bad gzip": (lambda d: write(d, "a.csv.gz", b"a,b\n"), BadData, "no readable file"),
    "cut gzip": (lambda d: write(d, "a.csv.gz", gzip.compress(TEXT)[:-9]), BadData, "no readable"),
    "bad zip": (lambda d: write(d, "a.csv.zip", b"PK"), BadData, "no readable file"),
    "zip of two": (lambda d: zipped(d, {"x.csv": TEXT, "y.csv": TEXT}), BadData, "2 CSV files"),
    "empty parquet": (lambda d: write(d, "a.parquet", b""), BadData, "is empty"),
    "bad parquet": (lambda d: write(d, "a.parquet", b"PAR1 PAR1"), BadData, "no readable Parquet"),
    "folder": (str, BadData, "no Delta table"),
    "no database": (lambda d: f"sqlite:///{d}/no.db#rows", BadData, "No database file"),
    "no table named": (database, BadConfig, "names no table"),
    "no such table": (lambda d: database(d) + "#row", BadData, "no table 'row'"),
    "broken database": (
        lambda d: f"sqlite:///{write(d, 'x.db', b'x' * 5000)}#rows", Unavailable, "cannot be read"
    ),
    "unknown database": (lambda _: "oracl://x/y#rows", BadConfig, "'oracl' is no database"),
    "no URL": (lambda _: "://#rows", BadConfig, "malformed"),
    "no driver": (lambda _: "mysql+pymysql://x/y#rows", Unavailable, "pymysql"),
    "no answer": (
        lambda _: "postgresql://me:secret@127.0.0.1:9/x#rows", Unavailable, r"me:\*\*\*@"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_refused(case, tmp_path):
    make, kind, words = BAD[case]
    location = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kind, match=words) as refused:
        read_table(location)
    assert type(refused.value) is kind
    assert refused.value.hint
    assert "secret" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_delta_table_is_refused(tmp_path):
    write_deltalake(str(tmp_path / "delta"), ROWS)
    for file in (tmp_path / "delta").glob("*.parquet"):
        file.unlink()
    with pytest.raises(BadData, match="no readable Delta table"):
        read_table(str(tmp_path / "delta"))


@pytest.mark.xdist_group("pg")
def test_a_postgresql_table_is_read(postgres_url):
    engine = sqlalchemy.create_engine(postgres_url, poolclass=sqlalchemy.NullPool)
    ROWS.to_sql("rows of_ours", engine, index=False)
    assert kept(read_table(f"{postgres_url}#rows of_ours"))[1] == ["007", "b, c", 'q"u\nx']
    assert kept(read_table(f"{postgres_url}#public.rows of_ours"))[0] == ["1", "2", "3"]
