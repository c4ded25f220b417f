"""Who has ended before whom. Worked out when it is asked for: kept for every step it would be as large as the square of
their number, and a runbook may have thousands."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Container, Iterator, Mapping


class Ancestry:
    """``needs`` says for each step what it waits for itself."""

    def __init__(self, needs: Mapping[str, Collection[str]]) -> None:
        self._needs = needs

    def of(self, name: str) -> frozenset[str]:
        """All steps that have certainly ended before ``name`` starts."""
        return frozenset(self._nearest_first(name))

    def ended(self, name: str, *also: str) -> Container[str]:
        """The same, to be asked for single steps; ``also`` counts as ended too."""
        return _Ended(self, name, also)

    def _nearest_first(self, name: str) -> Iterator[str]:
        seen: set[str] = set()
        todo = deque(self._needs[name])
        while todo:
            one = todo.popleft()
            if one not in seen:
                seen.add(one)
                yield one
                todo.extend(self._needs[one])


class _Ended:
    def __init__(self, ancestry: Ancestry, name: str, also: Collection[str]) -> None:
        self._ancestry, self._name, self._also = ancestry, name, also

    def __contains__(self, other: object) -> bool:
        # A template mostly reads a step just before: the search ends there.
        return other in self._also or any(one == other for one in self._ancestry._nearest_first(self._name))
