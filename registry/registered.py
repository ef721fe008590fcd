"""Bundles in MLflow's registry: saved, loaded and verified by name and version."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from factory.bundle import Bundle
from factory.compiled.proof import Proof, proved
from factory.errors import Damaged, UnknownModel
from registry.aliases import HEAD, TAG, show_head, shown_head
from registry.bundles import fetched_bundle, kept_bundle, write_bundle
from registry.chain import Entry, Head, canonical
from registry.client import MlflowException, absent, connect, exists
from registry.files import fetched, files_of
from registry.home import Home, ui_address
from registry.ledger import Ledger
from registry.nearest import nearest
from registry.proofs import PROOF, fetched_proof, here, write_proof
from registry.transaction import Transaction


class Versions:
    """The versions of all models of a home.

    Args:
        home: whose tracking store is the registry.
        ledger: knows what each version's files were when it was saved.

    Raises:
        Unavailable: the store does not answer.
    """

    def __init__(self, home: Home, ledger: Ledger) -> None:
        self.home = home
        self.ledger = ledger
        self.client = connect(home)

    def save(
        self,
        bundle: Bundle,
        name: str,
        run_id: str,
        *,
        data_sha256: str,
        tags: Mapping[str, str] | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> int:
        """Register a bundle as the next version of a model; it serves nobody yet.

        Args:
            bundle: what to keep.
            name: the model.
            run_id: the run that made it.
            data_sha256: version of the data that it was made from.
            tags: to find it by, beside family, metric, score and data.
            made: what is needed to make it again, as plain JSON, for the ledger.

        Returns:
            The version's number.

        Raises:
            Unavailable: the ledger cannot be written, or is damaged.
        """
        _, proof = proved(bundle, where=here())
        told = {
            "data_sha256": data_sha256, "family": bundle.family, "metric": bundle.metric,
            "score": f"{bundle.reference_score:.10g}", "served": proof.form, **(tags or {}),
        }  # fmt: skip
        run = self.client.get_run(run_id)
        logged = self.client.create_logged_model(
            run.info.experiment_id, name=name, source_run_id=run_id, tags=told, model_type="bundle"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            write_bundle(bundle, path, model_id=logged.model_id, run_id=run_id)
            write_proof(proof, path)
            files = files_of(path)
            self.client.log_model_artifacts(logged.model_id, str(path))
        self.client.finalize_logged_model(logged.model_id, "READY")
        self._register(name)
        # The address of the files, not models:/ID, which MLflow would look up in the tracking
        # store of the process instead of this one.
        created = self.client.create_model_version(
            name, logged.artifact_location, run_id, told, model_id=logged.model_id
        )
        version, at = int(created.version), _moment(created)
        with self._writing(name) as t:
            t.record_version(version, files=files, made=made or {}, at=at)
        return version

    def load(self, name: str, version: int) -> Bundle:
        """Return a version's bundle; the last few stay in memory.

        Raises:
            UnknownModel: there is no such model or version.
            Unavailable: its files are gone or damaged.
        """
        return self._read(name, version, kept_bundle)

    def proof(self, name: str, version: int) -> Proof | None:
        """Return how a version is served and why it may be, as its files have it.

        None where they do not tell, or are not what the ledger says they are.

        Raises:
            UnknownModel: there is no such version.
        """
        found, known = self._version(name, version), self.ledger.version(name, version)
        content = dict(known.files).get(PROOF) if known else None
        if content is None:
            return None
        return fetched_proof(found.source, self.home.tracking_uri, content)

    def verify(self, name: str, version: int) -> None:
        """Load a version anew, and let it predict the reference rows that it came with.

        What it must predict is what it did when it was saved: not what its twins say of rows that
        it has learnt from itself.

        Raises:
            UnknownModel: there is no such model or version.
            Unavailable: it cannot be loaded, or predicts other values than when it was saved.
        """
        bundle = self._read(name, version, fetched_bundle)
        try:
            same = np.allclose(
                bundle.outputs(bundle.reference), bundle.own_outputs,
                rtol=1e-6, atol=1e-9, equal_nan=True,
            )  # fmt: skip
        except Exception as error:
            raise _damaged(name, version, error) from error
        if not same:
            raise _damaged(name, version, "it predicts other values than when it was saved")

    def names(self) -> list[str]:
        """Return the names of all models that hold bundles, in order."""
        return sorted(model.name for model in self._ours())

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return what is known of each version without loading it, oldest first.

        Raises:
            UnknownModel: nothing of that name is registered.
        """
        held = self._registered(name).aliases
        found = _pages(self.client.search_model_versions, f"name = '{name}'")
        versions = sorted(found, key=lambda version: int(version.version))
        return [
            {
                "version": int(version.version),
                "aliases": sorted(a for a, v in held.items() if int(v) == int(version.version)),
                "run_id": version.run_id,
                "created_ms": version.creation_timestamp,
                "tags": dict(version.tags),
            }
            for version in versions
        ]

    def link(self, name: str, version: int) -> str:
        """Return where MLflow shows a version: at its server, else at a local ``mlflow ui``."""
        return f"{ui_address(self.home)}/#/models/{quote(name)}/versions/{version}"

    def created(self, name: str, version: int) -> float:
        """Return when a version was registered, in seconds since 1970.

        Raises:
            UnknownModel: there is no such model or version.
        """
        return float(self._version(name, version).creation_timestamp) / 1000

    def content(self, name: str, version: int) -> dict[str, str]:
        """Return the SHA-256 of each of a version's files, as they are now.

        Raises:
            UnknownModel: there is no such model or version.
            Unavailable: its files cannot be read.
        """
        source = self._version(name, version).source
        try:
            with fetched(source, self.home.tracking_uri) as folder:
                return files_of(folder)
        except (MlflowException, OSError) as error:
            raise _damaged(name, version, error) from error

    def _read(self, name: str, version: int, read: Callable[[str, str, str], Bundle]) -> Bundle:
        found = self._version(name, version)
        known = self.ledger.version(name, version)
        content = canonical(dict(known.files)) if known else ""
        try:
            return read(found.source, self.home.tracking_uri, content)
        except Exception as error:
            raise _damaged(name, version, error) from error

    @contextmanager
    def _writing(self, name: str) -> Iterator[Transaction]:
        """Write to a model's chain, then show its new head in MLflow.

        The head is shown after the commit: one that is behind is mended at start, and one that
        is ahead can then only mean that the chain was cut.
        """
        with self.ledger.transaction(name) as t:
            self.require_head(name)
            yield t
            head = t.head()
        if head is not None:
            show_head(self.client, name, head)

    def require_head(self, name: str) -> None:
        """Refuse a ledger that does not hold what MLflow was told of it.

        Raises:
            Damaged: its chain was cut, or built anew.
        """
        shown = shown_head(self.client, name)
        if shown is None:
            return
        entry = self.ledger.entry(name, shown.sequence)
        if entry is None or entry.hash != shown.hash:
            raise Damaged(
                f"The ledger of {name!r} is damaged: {missed(shown, entry)}.",
                hint=f"restore it from a backup as new as MLflow's; to take it as it is, delete "
                f"the tag {HEAD} of that model in MLflow",
            )

    def _register(self, name: str) -> None:
        try:
            self.client.create_registered_model(name, tags=dict([TAG]))
        except MlflowException as error:
            if not exists(error):
                raise
            self.client.set_registered_model_tag(name, *TAG)

    def _registered(self, name: str) -> Any:
        try:
            return self.client.get_registered_model(name)
        except MlflowException as error:
            if absent(error):
                raise self._unknown(name) from None
            raise

    def _version(self, name: str, version: int) -> Any:
        try:
            return self.client.get_model_version(name, str(version))
        except MlflowException as error:
            if not absent(error):
                raise
        known = ", ".join(str(told["version"]) for told in self.versions(name))
        raise UnknownModel(
            f"{name!r} has no version {version}.", hint=f"its versions: {known or 'none'}"
        )

    def _unknown(self, name: str) -> UnknownModel:
        names = self.names()
        hint = nearest(name, names) if names else f"factory train {name}"
        return UnknownModel(f"No model {name!r} is registered.", hint=hint)

    def _ours(self) -> list[Any]:
        key, value = TAG
        return _pages(self.client.search_registered_models, f"tags.{key} = '{value}'")


def missed(shown: Head, entry: Entry | None) -> str:
    """Say what it means that a chain lacks the head that MLflow was shown."""
    what = "is gone, its tail was cut off" if entry is None else "is another one, it was built anew"
    return f"entry {shown.sequence}, which MLflow was shown, {what}"


def _moment(created: Any) -> str:
    return datetime.fromtimestamp(created.creation_timestamp / 1000, UTC).isoformat()


def _damaged(name: str, version: int, reason: object) -> Damaged:
    said = " ".join(str(reason).split())
    return Damaged(
        f"Version {version} of {name!r} is damaged: {said}",
        hint=f"factory rollback {name} --to ANOTHER, and restore the artifacts from a backup",
    )


def _pages(search: Callable[..., Any], query: str) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(filter_string=query, page_token=token)
        found += page
        token = page.token
        if not token:
            return found
