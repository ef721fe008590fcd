"""Feature engineering: from canonical columns to the dense numbers an estimator learns from.

The steps and the estimator are one scikit-learn pipeline, fitted together and stored together.
"""

from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from factory.config import FeaturesConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Kind, Schema
from factory.pictures import Pictures
from factory.texts import RESERVED, Terms, Words
from factory.transformers import Budget, DateParts, Finite, unlearned_parts
from training.family import Family
from training.notes import CardinalityNote, Note
from training.space import Params

Step = tuple[str, Any]

SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "row_norm": Normalizer}
LONGEST = 200
"""Words of a text that are read, one after the other."""
ROWS_PER_COLUMN = 10
"""Fewer training rows than this per one-hot column are called a blow-up."""


def feature_steps(schema: Schema, config: FeaturesConfig, family: Family, seed: int) -> list[Step]:
    """Return the pipeline's steps before the estimator; they turn a frame into float64.

    Numbers: infinite is missing; missing is imputed unless the family learns from it; scaled.
    Categories: ordinal codes with -1 for unknown ones and a code of its own for missing, or
    one-hot with all rare categories of a feature in one column. A feature in ``config.order`` is
    ordinal in any case. Dates: their parts. Texts: weights of words, or the words' numbers in
    their order (see ``reads_words``). Images: a number between 0 and 1 for each pixel and channel.
    Neither is scaled again.

    Raises:
        BadConfig: no feature is left to learn from.
    """
    scale = config.scale
    if scale == "auto":
        scale = "standard" if family.needs_scaling else "none"
    beside = scale
    if scale == "row_norm":
        # A row's norm is taken over its numbers alone.
        beside = "standard" if family.needs_scaling else "none"
    filled = not family.native_missing or scale == "row_norm"
    imputer = _imputer(config) if filled else None
    ordered, ordinal, onehot = _encodings(schema, config, _wants_onehot(config, family))
    dates = _of_kind(schema, "date") if config.dates else []
    in_order = reads_words(schema, config, family)
    text = Words(config.terms, LONGEST) if in_order else Terms(config.terms)
    blocks = [
        ("numbers", [Finite(), imputer, _scaler(scale)], _of_kind(schema, "number")),
        (
            "ordered",
            [_ordinal([[*config.order[n], None] for n in ordered]), _scaler(beside)],
            ordered,
        ),
        ("ordinal", [_ordinal("auto"), _scaler(beside)], ordinal),
        ("onehot", [_onehot(config)], onehot),
        *(
            (f"image {name}", [Pictures(shape), imputer], [name])
            for name, shape in images_of(schema).items()
        ),
        *((f"text {name}", [text], [name]) for name in _of_kind(schema, "text")),
        ("dates", [DateParts(config.dates), Finite(), imputer, _scaler(beside)], dates),
    ]
    transformers = [(name, _chain(parts), columns) for name, parts, columns in blocks if columns]
    if not transformers:
        raise BadConfig(
            "No feature is left: all are dates, and features.dates is empty.",
            hint="features.dates: [month, weekday, hour]",
        )
    steps: list[Step] = [("features", ColumnTransformer(transformers, sparse_threshold=0))]
    if config.budget is not None:
        regression = schema.task == "regression"
        steps.append(("budget", Budget(config.budget, regression=regression, seed=seed)))
    return steps


def check_features(schema: Schema, config: FeaturesConfig) -> None:
    """Refuse an order of categories that cannot be meant.

    Raises:
        BadConfig: it names no categorical feature, or a category twice.
        BadData: there are no features at all.
    """
    if not schema.features:
        raise BadData("There are no features to learn from.", hint="shorten data.ignore")
    kinds = {column.name: column.kind for column in schema.features}
    for name, order in config.order.items():
        if name not in kinds:
            known = ", ".join(_of_kind(schema, "category")) or "none"
            raise BadConfig(
                f"features.order: {name!r} is no feature.", hint=f"categories are: {known}"
            )
        if kinds[name] != "category":
            raise BadConfig(
                f"features.order: {name!r} is a {kinds[name]}.", hint=f"data.types.{name}: category"
            )
        if len(set(order)) < len(order):
            raise BadConfig(
                f"features.order.{name} names a category twice.", hint="name each category once"
            )


def cardinality_notes(
    frame: pd.DataFrame, schema: Schema, config: FeaturesConfig, families: tuple[Family, ...]
) -> tuple[CardinalityNote, ...]:
    """Say where one-hot encoding meets too many categories; nothing where nobody asks for it."""
    if not any(_wants_onehot(config, family) for family in families):
        return ()
    _, _, onehot = _encodings(schema, config, onehot=True)
    notes = []
    total = 0
    for name in onehot:
        categories = frame[name].nunique(dropna=False)
        columns = min(categories, config.max_categories)
        total += columns
        if categories > columns:
            text = (
                f"{name!r} has {categories} categories: the {columns - 1} most frequent get a "
                "one-hot column each, the rest share one."
            )
            notes.append(CardinalityNote(text, name, categories, columns))
    if total * ROWS_PER_COLUMN > len(frame):
        text = (
            f"{total} one-hot columns for {len(frame)} training rows: "
            "set features.encode to ordinal, or a features.budget."
        )
        notes.append(CardinalityNote(text, "", total, total))
    return tuple(notes)


def date_notes(frame: pd.DataFrame, schema: Schema, config: FeaturesConfig) -> tuple[Note, ...]:
    """Say which parts of dates are not learned, because the training rows are too short for it."""
    notes = []
    for name in _of_kind(schema, "date"):
        parts = unlearned_parts(frame[name], config.dates)
        if parts:
            text = f"{name!r}: not learned before the rows span a full cycle: {', '.join(parts)}."
            notes.append(Note(text))
    return tuple(notes)


def _wants_onehot(config: FeaturesConfig, family: Family) -> bool:
    return config.encode == "onehot" or (config.encode == "auto" and family.onehot)


def _encodings(
    schema: Schema, config: FeaturesConfig, onehot: bool
) -> tuple[list[str], list[str], list[str]]:
    names = _of_kind(schema, "category")
    ordered = [name for name in names if name in config.order]
    free = [name for name in names if name not in config.order]
    return (ordered, [], free) if onehot else (ordered, free, [])


def reads_words(schema: Schema, config: FeaturesConfig, family: Family) -> bool:
    """Say whether a family reads a text word by word: it can, and sees nothing else.

    A budget of features picks among weights of words, so with one they are weights.
    """
    kinds = [column.kind for column in schema.features]
    return family.reads_words and kinds == ["text"] and config.budget is None


def with_shape(params: Params, schema: Schema, config: FeaturesConfig, family: Family) -> Params:
    """Return hyperparameters in which a family finds the size of images, or how many words are.

    Args:
        params: of the family.
        schema: with an image or a text for its only feature, or with no image.
        config: how many words are told apart.
        family: that looks at images, or reads words; others get what they gave.

    Raises:
        BadConfig: the family would have to look at something beside the image, or at words as
            pixels.
    """
    if reads_words(schema, config, family):
        if params["height"] or params["width"]:
            raise BadConfig(
                f"search.spaces.{family.name} gives the size of an image, and the feature is a "
                "text.",
                hint="leave height and width out of search.spaces",
            )
        return {**params, "words": config.terms + RESERVED}
    images = images_of(schema)
    if "height" not in params or not images:
        return params
    if len(schema.features) > 1:
        raise BadConfig(
            f"Family {family.name!r} looks at one image and nothing beside it.",
            hint="name the other columns in data.ignore, or search other families",
        )
    if params["height"] or params["width"]:
        raise BadConfig(
            f"search.spaces.{family.name} gives a size, and data.image does.",
            hint="leave height and width out of search.spaces",
        )
    height, width, channels = next(iter(images.values()))
    return {**params, "height": height, "width": width, "channels": channels}


def images_of(schema: Schema) -> dict[str, tuple[int, ...]]:
    """Return the shape of each feature that is an image."""
    return {column.name: column.shape for column in schema.features if column.kind == "image"}


def _of_kind(schema: Schema, kind: Kind) -> list[str]:
    return [column.name for column in schema.features if column.kind == kind]


def _chain(parts: list[Any]) -> Pipeline:
    return make_pipeline(*(part for part in parts if part is not None))


def _imputer(config: FeaturesConfig) -> SimpleImputer:
    fill = 0.0 if config.impute == "constant" else None
    return SimpleImputer(strategy=config.impute, fill_value=fill, keep_empty_features=True)


def _scaler(scale: str) -> Any:
    return None if scale == "none" else SCALERS[scale]()


def _ordinal(categories: Any) -> OrdinalEncoder:
    return OrdinalEncoder(
        categories=categories, handle_unknown="use_encoded_value", unknown_value=-1
    )


def _onehot(config: FeaturesConfig) -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=config.max_categories,
        sparse_output=False,
    )
