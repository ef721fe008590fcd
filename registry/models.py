"""Bundles in MLflow's registry, and the one way in which a champion changes.

The ledger says which version is champion. MLflow's aliases ``champion``, ``previous`` and
``challenger`` are its projection, for people and programs that look there: they are written
inside the ledger's transaction, and mended at start where a process died in between. A champion
that was set in MLflow by hand is therefore not adopted but set back.
"""

from collections.abc import Callable
from contextlib import suppress

from factory.errors import Conflict, Damaged, NoChampion, UnknownModel
from registry.aliases import CHALLENGER, HEAD, differs, project, show_head
from registry.chain import Head
from registry.registered import Versions
from registry.transaction import Transaction

Record = Callable[[Transaction], None]


class Models(Versions):
    """The models of a home: their versions, and which of them serves, by the ledger."""

    def champion(self, name: str) -> int:
        """Return the version that serves, as the ledger has it.

        Raises:
            UnknownModel: nothing of that name is registered.
            NoChampion: no version was promoted yet.
            Unavailable: the ledger is damaged.
        """
        self.require_head(name)
        version = self.ledger.champion(name)
        if version is None:
            self._registered(name)
            raise NoChampion(name)
        return version

    def promote(
        self,
        name: str,
        version: int,
        *,
        expected: int | None,
        who: str,
        why: str,
        at: str,
        decision: str | None = None,
        record: Record | None = None,
    ) -> bool:
        """Make a version the champion: ledger and aliases together, or nothing at all.

        Args:
            name: the model.
            version: to promote.
            expected: the champion that the caller knew when it chose, None for none.
            who: person or program.
            why: the reason in words.
            at: moment, UTC, ISO format.
            decision: id of the decision that led to it.
            record: appends the caller's own entries in the same transaction.

        Returns:
            False where the version is champion already; then nothing is written, ``record``
            is not called, and ``expected`` does not matter: a repeated call changes nothing.

        Raises:
            UnknownModel: there is no such version.
            Conflict: the champion is not the one expected.
            Unavailable: the ledger is damaged, or cannot be written.
        """
        self._version(name, version)
        unknown = self.ledger.version(name, version) is None
        files = self.content(name, version) if unknown else {}
        with self._writing(name) as t:
            champion = t.champion()
            if champion == version:
                return False
            _expect(name, champion, expected)
            if record is not None:
                record(t)
            if unknown:
                t.record_version(version, files=files, made={}, at=at)
            t.promote(version, who=who, why=why, at=at, decision=decision)
            project(self.client, name, version, champion)
        return True

    def unchanged(self, name: str, *, expected: int | None, record: Record) -> None:
        """Let the caller record a decision that leaves the champion as it is.

        Raises:
            Conflict: the champion is not the one expected.
        """
        with self._writing(name) as t:
            _expect(name, t.champion(), expected)
            record(t)

    def roll_back(
        self,
        name: str,
        to: int | None = None,
        *,
        who: str,
        why: str,
        at: str,
        expected: int | None = None,
    ) -> int:
        """Make an earlier version the champion again, after it has proved that it works.

        Args:
            name: the model.
            to: the version; None is the champion before this one.
            who: person or program.
            why: the reason in words.
            at: moment, UTC, ISO format.
            expected: the champion that the caller knew; None is the present one.

        Returns:
            The version that serves now.

        Raises:
            NoChampion: there is nothing to roll back from.
            UnknownModel: there is no such version, or no earlier champion.
            Unavailable: the version does not load, or predicts other values than it did.
            Conflict: the champion moved meanwhile.
        """
        champion = self.champion(name)
        target = to if to is not None else self.ledger.previous(name)
        if target is None:
            raise UnknownModel(
                f"{name!r} has had no champion before version {champion}.",
                hint=f"factory promote {name} VERSION",
            )
        self.verify(name, target)
        known = champion if expected is None else expected
        self.promote(name, target, expected=known, who=who, why=why, at=at)
        return target

    def challenge(self, name: str, version: int) -> None:
        """Mark a version as the one to be judged against the champion.

        Raises:
            UnknownModel: there is no such version.
        """
        self._version(name, version)
        self.client.set_registered_model_alias(name, CHALLENGER, str(version))

    def challenger(self, name: str) -> int | None:
        """Return the version that is to be judged against the champion; None where none is.

        Raises:
            UnknownModel: nothing of that name is registered.
        """
        marked = self._registered(name).aliases.get(CHALLENGER)
        version = None if marked is None else int(marked)
        return None if version == self.ledger.champion(name) else version

    def withdraw(self, name: str, version: int) -> None:
        """Take the mark of a challenger from a version that has it; another's stays."""
        marked = self._registered(name).aliases.get(CHALLENGER)
        if marked is not None and int(marked) == version:
            self.client.delete_registered_model_alias(name, CHALLENGER)

    def repair(self) -> list[str]:
        """Make the aliases of every model agree with the ledger; return in words what moved.

        A promotion that runs meanwhile is waited for, not disturbed. The head that MLflow shows
        follows its chain. A damaged ledger is left for whoever reads it to tell of.
        """
        mended = []
        for name, held, shown in self._shown():
            with suppress(Damaged):
                self._show(name, shown)
                champion, previous = self.ledger.champion(name), self.ledger.previous(name)
                if differs(held, champion, previous):
                    with self.ledger.transaction(name) as t:
                        mended += project(self.client, name, t.champion(), t.previous())
        return mended

    def _shown(self) -> list[tuple[str, dict[str, int], Head]]:
        """Return of each model what MLflow shows: its aliases and the head of its chain."""
        return [
            (m.name, {a: int(v) for a, v in m.aliases.items()}, Head.of(m.tags.get(HEAD, "")))
            for m in sorted(self._ours(), key=lambda model: str(model.name))
        ]

    def _show(self, name: str, shown: Head) -> None:
        head = self.ledger.head(name)
        if head is not None and head.sequence > shown.sequence:
            self.require_head(name)
            show_head(self.client, name, head)


def _expect(name: str, champion: int | None, expected: int | None) -> None:
    if champion != expected:
        raise Conflict(
            f"The champion of {name!r} is {_named(champion)}, not {_named(expected)}.",
            hint="somebody moved it meanwhile; look at it, and run this again",
        )


def _named(version: int | None) -> str:
    return "none" if version is None else f"version {version}"
