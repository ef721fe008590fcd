"""Where a run may write: what its config names, or beside it; not what a form is filled with."""

from pathlib import Path

from factory.config import load_config
from factory.errors import BadConfig


def require_output(output: str, config: Path, home: Path) -> None:
    """Refuse an output that lies neither where the config says, nor beside it, nor in reports.

    Whoever may start runs could else have any file of that kind replaced, on every worker.

    Args:
        output: file that the run is to write.
        config: the model's YAML file.
        home: the factory's home folder.

    Raises:
        BadConfig: it is somewhere else.
    """
    if output == load_config(config).deploy.predict.output:
        return
    where = Path(output).resolve()
    folders = [folder.resolve() for folder in (config.parent, home / "reports")]
    if not any(where.is_relative_to(folder) for folder in folders):
        raise BadConfig(
            f"A run may not write to {output}.",
            hint=f"give a file in {folders[0]}, or set deploy.predict.output in the config",
        )
