"""Looks at all that was recorded of a model, and names the first thing that was edited."""

from collections.abc import Iterable
from dataclasses import dataclass

from factory.errors import BadData, Unavailable, UnknownModel
from registry.aliases import shown_head
from registry.chain import Entry, first_edit
from registry.entries import VersionEntry, WindowEntry
from registry.files import changed, file_hash
from registry.frames import frame_path, load_frame, stand_in_of
from registry.home import Home
from registry.ledger import Ledger
from registry.registered import Versions, missed
from registry.views import fold_windows, version_of

GONE = "it is gone from MLflow"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at of a model, and the first damage found.

    Attributes:
        model: its name.
        entries: links of its chain.
        frames: tables whose content was hashed.
        versions: models whose files were hashed.
        gone: versions that never served and are gone from MLflow.
        damage: what was edited, in words; None where all is as it was written.
    """

    model: str
    entries: int = 0
    frames: int = 0
    versions: int = 0
    gone: tuple[int, ...] = ()
    damage: str | None = None


def verify_model(models: Versions, name: str) -> Proof:
    """Walk a model's chain, compare its end with what MLflow shows, hash frames and versions.

    Args:
        models: of the home.
        name: the model.

    Raises:
        UnknownModel: nothing was recorded of it, and nothing is registered.
    """
    try:
        chain = models.ledger.chain(name)
    except Unavailable as error:
        return Proof(name, damage=_unreadable(models.ledger, name) or error.problem)
    if not chain and shown_head(models.client, name) is None:
        models.versions(name)
    damage = _chain_damage(models, name, chain)
    if damage is not None:
        return Proof(name, len(chain), damage=damage)
    windows = fold_windows(entry for entry in chain if entry.kind in {"window", "mark"})
    damage = _first(_frame_damage(models.home, window) for window in windows)
    if damage is not None:
        return Proof(name, len(chain), len(windows), damage=damage)
    served = {int(entry.key) for entry in chain if entry.kind == "promotion"}
    kept, gone = 0, []
    for known in (version_of(entry) for entry in chain if entry.kind == "version"):
        damage = _version_damage(models, known)
        if damage == GONE and known.version not in served:
            gone.append(known.version)
        elif damage is not None:
            said = f"version {known.version} of {name!r}: {damage}"
            return Proof(name, len(chain), len(windows), kept, tuple(gone), said)
        else:
            kept += 1
    return Proof(name, len(chain), len(windows), kept, tuple(gone))


def verify_all(models: Versions) -> list[Proof]:
    """Look at every model that the ledger or MLflow knows."""
    try:
        chained = models.ledger.chained()
    except Unavailable as error:
        return [Proof("*", damage=error.problem)]
    known = models.names()
    strange = [
        Proof(name, damage=f"the ledger holds entries of {name!r}, which MLflow does not know")
        for name in chained
        if name not in known
    ]
    return [verify_model(models, name) for name in known] + strange


def _unreadable(ledger: Ledger, name: str) -> str | None:
    """Find the entry that the database cannot return."""
    sequence, missing = 0, False
    while not missing:
        sequence += 1
        try:
            missing = ledger.entry(name, sequence) is None
        except Unavailable as error:
            return f"entry {sequence} of {name!r} cannot be read: {error.problem}"
    return None


def _chain_damage(models: Versions, name: str, chain: list[Entry]) -> str | None:
    damage = first_edit(chain) or _head_damage(models, name, chain)
    if damage is None and name not in models.ledger.models():
        damage = f"{name!r} is gone from the ledger's table of models"
    return damage or models.ledger.file_damage()


def _head_damage(models: Versions, name: str, chain: list[Entry]) -> str | None:
    shown = shown_head(models.client, name)
    if shown is None:
        # The first entry is written before anything is shown of it.
        return f"MLflow shows no head of {name!r}: its tag is gone" if len(chain) > 1 else None
    found = chain[shown.sequence - 1] if 0 < shown.sequence <= len(chain) else None
    return None if found is not None and found.hash == shown.hash else missed(shown, found)


def _frame_damage(home: Home, window: WindowEntry) -> str | None:
    path = frame_path(home, window.sha256)
    if stand_in_of(home, window.sha256) is not None:
        return None
    try:
        load_frame(home, window.sha256, window.broken)
        if file_hash(path) != window.file:
            return f"{path} was edited: it is not the file that was written"
    except BadData as error:
        return error.problem
    return None


def _version_damage(models: Versions, known: VersionEntry) -> str | None:
    try:
        return changed(models.content(known.model, known.version), known.files)
    except UnknownModel:
        return GONE
    except Unavailable as error:
        return error.problem


def _first(found: Iterable[str | None]) -> str | None:
    return next((damage for damage in found if damage is not None), None)
