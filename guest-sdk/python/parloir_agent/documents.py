"""The tenant's documents, read-only."""

from __future__ import annotations

from wit_world.imports import documents as host
from wit_world.imports.documents import Passage

from .refusal import asked

__all__ = ["Passage", "names", "read", "search"]


def names() -> list[str]:
    """What there is."""
    return asked(host.list)


def read(name: str) -> str:
    """A whole document, up to 256 KiB of text."""
    return asked(host.read, name)


def search(query: str, limit: int = 5) -> list[Passage]:
    """The paragraphs that fit the words best, at most `limit` (1 to 20)."""
    return asked(host.search, query, limit)
