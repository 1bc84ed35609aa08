"""What one call leaves for the next: the tenant's key-value storage, sealed under its key. Keys up to
256 bytes, values up to 3 KiB."""

from __future__ import annotations

from wit_world.imports import memory as host

from .refusal import asked


def get(key: str) -> bytes | None:
    """The value under a key, if there is one."""
    value = asked(host.get, key)
    return None if value is None else bytes(value)


def put(key: str, value: bytes) -> None:
    """Stores a value, durable on return."""
    asked(host.set, key, value)


def compare_and_set(key: str, expected: bytes | None, value: bytes) -> bool:
    """Stores a value if the present one is `expected` (`None` for none yet), and says whether it did."""
    return asked(host.compare_and_set, key, expected, value)


def delete(key: str) -> None:
    """Forgets a key; no error when there is none."""
    asked(host.delete, key)
