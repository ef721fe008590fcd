"""What may be written of one model while its lock is held."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, select

from factory.nouns import DataVersion
from registry.chain import BEGINNING, Entry, EntryKind, Head, canonical, entry_hash
from registry.entries import Promotion, Source, entries
from registry.views import fold_windows, promotion_of, whole


class Transaction:
    """What may be written of one model while its lock is held; all of it is kept, or none."""

    def __init__(self, connection: Connection, model: str) -> None:
        self.connection = connection
        self.model = model

    def champion(self) -> int | None:
        """Return the version that is champion now."""
        newest = newest_promotion(self.connection, self.model, None)
        return newest.version if newest else None

    def previous(self) -> int | None:
        """Return the version that was champion just before."""
        newest = newest_promotion(self.connection, self.model, None)
        return newest.previous if newest else None

    def head(self) -> Head | None:
        """Return the end of the chain, None where nothing was recorded."""
        newest = _newest(self.connection, select(entries).where(entries.c.model == self.model))
        return Head(newest.sequence, newest.hash) if newest else None

    def record_version(
        self, version: int, *, files: Mapping[str, str], made: Mapping[str, Any], at: str
    ) -> bool:
        """Append a version's content; False, and nothing written, where it is known already.

        Args:
            version: of this model.
            files: SHA-256 per file.
            made: how it was made, as plain JSON.
            at: moment, UTC, ISO format.
        """
        if self._known("version", str(version)):
            return False
        self._append("version", str(version), at, {"files": dict(files), "made": dict(made)})
        return True

    def promote(
        self, version: int, *, who: str, why: str, at: str, decision: str | None = None
    ) -> bool:
        """Make a version the champion; False, and nothing written, where it is already.

        Args:
            version: of this model.
            who: person or program.
            why: the reason in words.
            at: moment, UTC, ISO format.
            decision: id of the decision that led to it.
        """
        champion = self.champion()
        if champion == version:
            return False
        told = {"previous": champion, "who": who, "why": why, "decision": decision}
        self._append("promotion", str(version), at, told)
        return True

    def record_decision(
        self,
        id: str,  # noqa: A002 - it is the decision's id
        *,
        window_sha256: str,
        champion_before: int | None,
        champion_after: int | None,
        body: str,
        at: str,
    ) -> bool:
        """Append a decision; False, and nothing written, where its id is known already."""
        if self._known("decision", id, of_any_model=True):
            return False
        told = {"window_sha256": window_sha256, "body": body}
        before_after = {"champion_before": champion_before, "champion_after": champion_after}
        self._append("decision", id, at, told | before_after)
        return True

    def record_look(
        self,
        id: str,  # noqa: A002 - it is the look's id
        *,
        champion: int,
        challenger: int,
        rows: int,
        outcome: str,
        body: str,
        at: str,
    ) -> bool:
        """Append a look at a challenger; False, and nothing written, where its id is known."""
        if self._known("look", id):
            return False
        told = {"champion": champion, "challenger": challenger, "rows": rows}
        self._append("look", id, at, told | {"outcome": outcome, "body": body})
        return True

    def refuse(
        self, asked: str, *, champion: int, challenger: int, who: str, why: str, at: str
    ) -> bool:
        """Append a person's no; False, and nothing written, where it is known already.

        Args:
            asked: id of the decision or look that asked for approval.
            champion: that stays.
            challenger: that is refused.
            who: the person.
            why: the reason in words.
            at: moment, UTC, ISO format.
        """
        if self._known("refusal", asked):
            return False
        told = {"champion": champion, "challenger": challenger, "who": who, "why": why}
        self._append("refusal", asked, at, told)
        return True

    def record_window(
        self,
        version: DataVersion,
        *,
        source: Source,
        labelled: int,
        quarantined: bool,
        file: str,
        broken: str | None,
        at: str,
    ) -> bool:
        """Append a window; False where the same content is known already.

        What is known keeps its place and its source. Where it is kept, what is broken in it, and
        the quarantine of a checked window follow the newest word, which is appended.

        Args:
            version: of the rows.
            source: what they were used for.
            labelled: rows with a label.
            quarantined: whether no model may learn from them.
            file: SHA-256 of the file that keeps them.
            broken: name of their masks, see ``registry.frames``; None has no word on that.
            at: moment, UTC, ISO format.
        """
        known = self._known("window", version.sha256) + self._known("mark", version.sha256)
        if known:
            [entry] = fold_windows(known)
            word = {
                "quarantined": quarantined if entry.source == "window" else entry.quarantined,
                "file": file,
                "broken": entry.broken if broken is None else broken,
            }
            if word != {name: getattr(entry, name) for name in word}:
                self._append("mark", version.sha256, at, word)
            return False
        span = {"rows": version.rows, "start": version.start, "end": version.end}
        word = {"quarantined": quarantined, "file": file, "broken": broken or ""}
        told = {"source": source, "labelled": labelled}
        self._append("window", version.sha256, at, told | span | word)
        return True

    def _known(self, kind: EntryKind, key: str, *, of_any_model: bool = False) -> list[Entry]:
        wanted = select(entries).where(entries.c.key == key, entries.c.kind == kind)
        if not of_any_model:
            wanted = wanted.where(entries.c.model == self.model)
        return read_entries(self.connection, wanted.order_by(entries.c.sequence))

    def _append(self, kind: EntryKind, key: str, at: str, told: Mapping[str, Any]) -> None:
        head = self.head()
        sequence = head.sequence + 1 if head else 1
        previous = head.hash if head else BEGINNING
        body = canonical(told)
        sealed = entry_hash(self.model, sequence, kind, key, at, body, previous)
        row = {"model": self.model, "sequence": sequence, "kind": kind, "key": key, "at": at}
        row |= {"body": body, "previous": previous, "hash": sealed}
        self.connection.execute(entries.insert().values(row))


def newest_promotion(connection: Connection, model: str, before: int | None) -> Promotion | None:
    """Return a model's last promotion, or the last before some entry; None where there is none."""
    wanted = select(entries).where(entries.c.model == model, entries.c.kind == "promotion")
    if before is not None:
        wanted = wanted.where(entries.c.sequence < before)
    newest = _newest(connection, wanted)
    return promotion_of(newest) if newest else None


def _newest(connection: Connection, wanted: Select[Any]) -> Entry | None:
    found = read_entries(connection, wanted.order_by(entries.c.sequence.desc()).limit(1))
    return found[0] if found else None


def read_entries(connection: Connection, wanted: Select[Any]) -> list[Entry]:
    """Read entries, each of which must have its hash.

    Raises:
        Damaged: one was edited.
    """
    return whole(read_rows(connection, wanted))


def read_rows(connection: Connection, wanted: Select[Any]) -> list[Entry]:
    """Read entries as they are."""
    return [Entry(**row) for row in connection.execute(wanted).mappings()]
