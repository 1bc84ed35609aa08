"""Asks its language's own library for files, the network, other programs, the environment or native code, as the setting
`try` says: it is told that there is none, or is stopped."""

from __future__ import annotations

from collections.abc import Callable

from parloir_agent import Call, Failed, Outcome, agent, log


def _files() -> object:
    with open("/etc/passwd", encoding="utf-8") as file:
        return file.read()


def _own_files() -> object:
    import os

    return [name for place in ("/", ".", "/proc", "/documents") for name in os.listdir(place)]


def _environment() -> object:
    import os

    return dict(os.environ)


def _network() -> object:
    import socket

    with socket.create_connection(("169.254.169.254", 80), timeout=1) as connection:
        return connection


def _names() -> object:
    import socket

    return socket.gethostbyname("localhost")


def _programs() -> object:
    import os

    return os.system("id") == 0


def _processes() -> object:
    import subprocess

    return subprocess.run(["id"], check=True, capture_output=True).stdout


def _native() -> object:
    import ctypes

    return ctypes.CDLL(None)


def _threads() -> object:
    import threading

    thread = threading.Thread(target=lambda: None)
    thread.start()
    return thread


ATTEMPTS: dict[str, Callable[[], object]] = {
    "files": _files,
    "folders": _own_files,
    "environment": _environment,
    "network": _network,
    "names": _names,
    "programs": _programs,
    "processes": _processes,
    "native": _native,
    "threads": _threads,
}


@agent(name="reaches", version="0.1.0", languages=["fr-FR"])
def answer(call: Call) -> Outcome | Failed:
    name = call.settings.get("try", "")
    try:
        got = ATTEMPTS[name]()
    except BaseException as refused:  # noqa: BLE001 - whatever it is, it is no success
        log.info(f"{name}: {type(refused).__name__}")
        return Outcome.DONE
    return Failed(f"ESCAPED by {name}") if got else Outcome.DONE
