"""What can go wrong below the supervisor, as one family of exceptions.

Messages are lower case, have no full stop, and name the operation, the object and the
cause, so that a caller may print ``str(error)`` as it is.
"""

from __future__ import annotations


class ContainerError(Exception):
    """Base of every error that the runtime raises on purpose."""


class SpecError(ContainerError):
    """A value that the user asked for is refused before anything is started.

    `field` is the path of the value inside its document, such as ``volumes[1]``.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class CgroupError(ContainerError):
    """A control group could not be made, limited, read or removed."""


class ImageError(ContainerError):
    """An image could not be found, read, trusted or kept; the store is as it was."""


class VolumeError(ContainerError):
    """A volume could not be found, made or removed; it is there as it was, or not at all."""


class RegistryError(ImageError):
    """A registry could not be reached, refused, or sent what it should not have."""


class StartError(ContainerError):
    """A container could not be started; nothing of it is left.

    `code` follows the shell: 127 command not found, 126 not executable, 125 all else.
    """

    def __init__(self, message: str, *, code: int = 125) -> None:
        super().__init__(message)
        self.code = code
