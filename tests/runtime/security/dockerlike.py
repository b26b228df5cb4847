"""A profile of the shape that Docker's own has: an allow-list with all kinds of conditions."""

from __future__ import annotations

import json
from typing import Any

from runtime.security.profile import ALLOWED

ERRNO, ALLOW = "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW"
_CONDITIONAL = {"arch_prctl", "clone", "clone3", "personality", "ptrace", "socket"}


def rule(*names: str, action: str = ALLOW, **others: Any) -> dict[str, Any]:
    """One entry of ``syscalls``."""
    return {"names": list(names), "action": action, **others}


def args(index: int, op: str, value: int, second: int = 0) -> list[dict[str, Any]]:
    """One comparison."""
    return [{"index": index, "value": value, "valueTwo": second, "op": f"SCMP_CMP_{op}"}]


def docker_like() -> str:
    """The whole profile, as JSON."""
    administrator = {"caps": ["CAP_SYS_ADMIN"]}
    return json.dumps(
        {
            "defaultAction": ERRNO,
            "defaultErrnoRet": 1,
            "archMap": [
                {
                    "architecture": "SCMP_ARCH_X86_64",
                    "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                },
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            ],
            "syscalls": [
                rule(*sorted(ALLOWED - _CONDITIONAL), "ioctl", "socketcall", "of_the_future"),
                rule("ptrace", includes={"minKernel": "4.8"}),
                rule("socket", args=args(0, "NE", 40)),
                rule("personality", args=args(0, "EQ", 0)),
                rule("personality", args=args(0, "EQ", 0xFFFFFFFF)),
                rule("arch_prctl", includes={"arches": ["amd64", "x32"]}),
                rule("mount", "umount2", "clone", "clone3", "unshare", includes=administrator),
                rule("chroot", includes={"caps": ["CAP_SYS_CHROOT"]}, excludes={}),
                rule(
                    "clone",
                    args=args(0, "MASKED_EQ", 0x7E020000),
                    comment="",
                    includes={},
                    excludes={**administrator, "arches": ["s390", "s390x"]},
                ),
                rule("clone3", action=ERRNO, errnoRet=38, excludes=administrator),
            ],
        }
    )
