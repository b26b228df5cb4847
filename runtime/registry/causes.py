"""Why a connection failed, in words: the libraries in between often say nothing themselves."""

from __future__ import annotations

import os
import socket
import ssl

import httpx

_DEPTH = 10


def root_of(error: BaseException) -> BaseException:
    """What went wrong first; of several attempts at once, that of the first one."""
    for _ in range(_DEPTH):
        if isinstance(error, BaseExceptionGroup):
            before: BaseException | None = error.exceptions[0]
        else:
            before = error.__cause__ or error.__context__
        if before is None:
            break
        error = before
    return error


def is_of_certificate(error: httpx.TransportError) -> bool:
    """Whether the other side speaks TLS, and is not trusted."""
    return isinstance(root_of(error), ssl.SSLCertVerificationError)


def is_final(error: httpx.TransportError) -> bool:
    """Whether the next attempt would fail as well: no trust, or no such name."""
    root = root_of(error)
    unknown = isinstance(root, socket.gaierror) and root.errno == socket.EAI_NONAME
    return unknown or is_of_certificate(error)


def cause_of(error: httpx.TransportError) -> str:
    """A few words for the end of a message."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    root = root_of(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {root.verify_message}"
    if isinstance(root, OSError) and root.errno is not None and root.strerror:
        # Errors of the resolver have numbers of their own, below zero.
        return (os.strerror(root.errno) if root.errno > 0 else root.strerror).lower()
    return str(root) or str(error) or type(root).__name__
