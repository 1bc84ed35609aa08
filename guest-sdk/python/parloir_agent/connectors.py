"""Services of the tenant's own, such as a customer file. An agent names a connector, never an address;
the host adds the credentials, which the agent never sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

from wit_world.imports import connectors as host
from wit_world.imports.connectors import Method

from .refusal import asked

__all__ = ["Answer", "Method", "Query", "delete", "get", "names", "patch", "post", "put", "send"]

#: Names and values, which the host encodes; pairs where a name stands twice.
Query = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What the service answered, whatever its status."""

    #: The HTTP status. A redirect is one, and is not followed.
    status: int
    #: The body, as text.
    body: str

    @property
    def ok(self) -> bool:
        """Whether the service did what was asked: a status from 200 to 299."""
        return 200 <= self.status <= 299

    def json(self) -> Any:
        """The body as JSON. What is none raises a `ValueError`, a bug like any other where it is not caught."""
        return loads(self.body)


def names() -> list[str]:
    """The connectors that the line grants."""
    return host.list()


def send(method: Method, connector: str, path: str, *, query: Query = (), json: Any = None) -> Answer:
    """Sends a request to what stands at `path` below the connector's address, and waits for its answer.
    `json` is the body; without it there is none."""
    pairs = list(query.items() if isinstance(query, Mapping) else query)
    body = None if json is None else dumps(json, ensure_ascii=False, separators=(",", ":"))
    answer = asked(host.send, host.Request(connector, method, path, pairs, body))
    return Answer(answer.status, answer.body)


def get(connector: str, path: str, *, query: Query = ()) -> Answer:
    """A `GET`, as `send`."""
    return send(Method.GET, connector, path, query=query)


def post(connector: str, path: str, *, query: Query = (), json: Any = None) -> Answer:
    """A `POST`, as `send`."""
    return send(Method.POST, connector, path, query=query, json=json)


def put(connector: str, path: str, *, query: Query = (), json: Any = None) -> Answer:
    """A `PUT`, as `send`."""
    return send(Method.PUT, connector, path, query=query, json=json)


def patch(connector: str, path: str, *, query: Query = (), json: Any = None) -> Answer:
    """A `PATCH`, as `send`."""
    return send(Method.PATCH, connector, path, query=query, json=json)


def delete(connector: str, path: str, *, query: Query = ()) -> Answer:
    """A `DELETE`, as `send`."""
    return send(Method.DELETE, connector, path, query=query)
