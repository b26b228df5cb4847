"""A seccomp profile of the caller's own, and what of it concerns one container on one machine.

Pure. The words are those of Docker's profiles, which are those of libseccomp. Which rules count is
decided as Docker decides it: a rule is left out if any one of its `excludes` is so, or any one of
its `includes` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import field, frozen

_RELEASE = re.compile(r"([0-9]+)\.([0-9]+)")


@frozen
class Action:
    """What becomes of a call: a word of libseccomp's, and the errno or number that goes with it."""

    word: str
    data: int = 0


@frozen
class Argument:
    """A comparison of one argument, all 64 bits of it; `second` is what a masked one must equal."""

    index: int
    operator: str
    value: int
    second: int = 0


@frozen(kw_only=True)
class Machine:
    """Where a filter is to work: ``x86_64``, and (6, 1) for Linux 6.1.9."""

    architecture: str
    kernel: tuple[int, int]

    @property
    def word(self) -> str:
        """What Docker calls its architecture."""
        return _WORDS.get(self.architecture, self.architecture)

    @classmethod
    def of(cls, architecture: str, release: str) -> Machine:
        """From the two texts of uname(2)."""
        found = _RELEASE.match(release)
        assert found is not None, f"no kernel is called {release!r}"
        return cls(architecture=architecture, kernel=(int(found[1]), int(found[2])))


@frozen(kw_only=True)
class Condition:
    """Capabilities of the container, architectures by Docker's words, the oldest kernel."""

    capabilities: frozenset[int] = frozenset()
    architectures: frozenset[str] = frozenset()
    kernel: tuple[int, int] | None = None

    def includes(self, capabilities: frozenset[int], machine: Machine) -> bool:
        """Whether all that is asked for here is so."""
        return (
            self.capabilities <= capabilities
            and (not self.architectures or machine.word in self.architectures)
            and (self.kernel is None or machine.kernel >= self.kernel)
        )

    def excludes(self, capabilities: frozenset[int], machine: Machine) -> bool:
        """Whether anything of what is named here is so."""
        return (
            not self.capabilities.isdisjoint(capabilities)
            or machine.word in self.architectures
            or (self.kernel is not None and machine.kernel >= self.kernel)
        )


@frozen(kw_only=True)
class SyscallRule:
    """What becomes of some calls, where all of `arguments` are so.

    Where two of them are about the same argument, any single one of them all is enough, as Docker
    has it.
    """

    names: tuple[str, ...]
    action: Action
    arguments: tuple[Argument, ...] = ()
    includes: Condition = field(factory=Condition)
    excludes: Condition = field(factory=Condition)

    def alternatives(self) -> tuple[tuple[Argument, ...], ...]:
        """The sets of comparisons of which one has to be so."""
        compared = [each.index for each in self.arguments]
        if len(set(compared)) == len(compared):
            return (self.arguments,)
        return tuple((each,) for each in self.arguments)


@frozen(kw_only=True)
class CustomProfile:
    """A whole profile. `families` are native architectures with those that come with each."""

    default: Action
    architectures: tuple[str, ...] = ()
    families: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rules: tuple[SyscallRule, ...] = ()

    def rules_for(self, capabilities: frozenset[int], machine: Machine) -> Iterator[SyscallRule]:
        """The rules that count; those that say what holds without them are left out.

        The library refuses such a rule.
        """
        for rule in self.rules:
            if rule.action == self.default or rule.excludes.excludes(capabilities, machine):
                continue
            if rule.includes.includes(capabilities, machine):
                yield rule

    def further_architectures(self, machine: Machine) -> tuple[str, ...]:
        """Architectures beside the machine's own whose calls it takes, and the profile lets in."""
        native, others = _FAMILIES.get(machine.architecture, ("", ()))
        named = {*self.architectures}
        for head, below in self.families:
            if head == native:
                named.update(below)
        return tuple(each for each in others if each in named)


_WORDS = {
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i386": "x86",
    "i686": "x86",
    "loongarch64": "loongarch64",
    "mips": "mips",
    "mips64": "mips64",
    "ppc": "ppc",
    "ppc64": "ppc64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390": "s390",
    "s390x": "s390x",
    "x86_64": "amd64",
}
"""Docker's words for what uname(2) calls the machine."""

ARCHITECTURES = frozenset(
    {
        *_WORDS.values(), "386", "loong64", "mips3l64n32", "mips64n32", "mipsel", "mipsel64",
        "mipsel64n32", "mipsle", "parisc", "parisc64", "x32",
    }
)  # fmt: skip
"""All that conditions may name, of this machine or another one."""

_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "aarch64": ("SCMP_ARCH_AARCH64", ("SCMP_ARCH_ARM",)),
    "s390x": ("SCMP_ARCH_S390X", ("SCMP_ARCH_S390",)),
    "x86_64": ("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86", "SCMP_ARCH_X32")),
}
"""Machines that take calls of more than one architecture: their own, and the others."""
