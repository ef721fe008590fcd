"""``factory init``: look at a file, write a commented config that trains as it is."""

import json
import os
import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from factory.columns import DataConfig
from factory.config import ModelConfig, parse_config
from factory.errors import BadConfig
from factory.nouns import Schema
from flows.console import answers, print_json
from registry.sources import read_training

SCHEMA_FILE = "factory.schema.json"
RARE = 0.2
"""Below this share of two classes (less where there are more), accuracy says little."""


def run(args: Namespace) -> int:
    """Read the data, write the config and its JSON Schema beside it."""
    data = DataConfig(path=args.data, target=args.target, timestamp=args.timestamp, id=args.id)
    rows = read_training(data)
    name = args.name or _name_of(args.data)
    output = args.output or Path(f"{name}.yaml")
    if output.exists():
        raise BadConfig(f"{output} exists.", hint="give another file with -o, or remove it")
    if not output.parent.is_dir():
        raise BadConfig(f"There is no folder {output.parent}.", hint=f"mkdir -p {output.parent}")
    schema = rows.schema
    config = parse_config(
        {
            "name": name,
            "data": {
                "path": _relative(args.data, output),
                "target": args.target,
                "task": schema.task,
                "timestamp": args.timestamp,
                "id": args.id,
                "types": {column.name: column.kind for column in schema.features},
                "ignore": sorted(rows.ignored),
            },
            "metric": _metric(schema, rows.frame[schema.target].value_counts(normalize=True)),
        },
        source=str(output),
    )
    output.write_text(commented(config, rows.ignored), encoding="utf-8")
    _write_schema(output.parent / SCHEMA_FILE)
    told = {
        "config": str(output),
        "model": name,
        "task": schema.task,
        "metric": config.metric,
        "features": list(schema.names),
        "ignored": dict(rows.ignored),
        "rows": rows.version.rows,
    }
    if args.json:
        print_json(told)
    else:
        answers.print(
            f"{output} written: {schema.task} of {schema.target} from {len(schema.features)} "
            f"features and {rows.version.rows:,} rows, judged by {config.metric}"
        )
        for column, why in rows.ignored.items():
            answers.print(f"[yellow]left out[/yellow] {column!r}: {why}")
        for why, count in rows.dropped.items():
            answers.print(f"[yellow]dropped[/yellow] {count:,} rows: {why}")
        answers.print(f"next: factory train {output}")
    return 0


def commented(config: ModelConfig, ignored: Mapping[str, str]) -> str:
    """Write a config as YAML, each key under its description and with its value."""
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        "# Only name, data.path and data.target are needed; the rest shows the defaults.",
        *(f"# left out: {name!r}, {why}" for name, why in ignored.items()),
    ]
    return "\n".join([*lines, *_lines(config, 0)]) + "\n"


def _lines(part: BaseModel, depth: int) -> list[str]:
    pad = "  " * depth
    lines = []
    for key, field in type(part).model_fields.items():
        value = getattr(part, key)
        if isinstance(value, BaseModel):
            about = (type(value).__doc__ or "").splitlines()[0]
            lines += ["", f"{pad}# {about}", f"{pad}{key}:", *_lines(value, depth + 1)]
            continue
        if field.description:
            lines.append(f"{pad}# {field.description}")
        lines.append(f"{pad}{key}: {_yaml(value)}")
    return lines


def _yaml(value: Any) -> str:
    plain = json.loads(json.dumps(value))
    text = yaml.safe_dump(
        plain, sort_keys=False, default_flow_style=True, width=10_000, allow_unicode=True
    )
    return text.removesuffix("...\n").rstrip("\n")


def _metric(schema: Schema, shares: Any) -> str:
    if schema.task == "regression":
        return "mean_absolute_error"
    if shares.min() * len(shares) >= 2 * RARE:
        return "accuracy"
    return "roc_auc" if schema.task == "binary" else "balanced_accuracy"


def _name_of(location: str) -> str:
    stem = (
        location.rpartition("#")[2] if "://" in location else Path(location).name.partition(".")[0]
    )
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._") or "model"


def _relative(location: str, output: Path) -> str:
    return location if "://" in location else os.path.relpath(location, output.parent)


def _write_schema(path: Path) -> None:
    schema = json.dumps(ModelConfig.model_json_schema(), indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != schema:
        path.write_text(schema, encoding="utf-8")
