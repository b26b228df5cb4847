"""What a job says counts; what it leaves out is its image's, or has a default."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from runtime.errors import SpecError
from runtime.images.config import Configuration, ImageConfig
from runtime.images.config import Healthcheck as ImageHealthcheck
from runtime.images.image import Image
from runtime.images.manifest import OCI_MANIFEST, Descriptor, Manifest
from runtime.security.capabilities import ALL_CAPABILITIES, CAP_SYS_ADMIN
from runtime.spec import ContainerSpec, OverlayRootfs
from supervisor.containerspec import container_spec
from supervisor.jobspec import JobSpec
from supervisor.mounts import Volume
from supervisor.policies import Healthcheck, SecurityOptions

DIGEST = "sha256:" + "a" * 64
BLOB = Descriptor(media_type=OCI_MANIFEST, digest=DIGEST, size=1)


def image(**config: Any) -> Image:
    """An image that says this of its containers."""
    return Image(
        names=("docker.io/library/web:latest",),
        target=BLOB,
        manifest=Manifest(media_type=OCI_MANIFEST, config=BLOB, layers=()),
        id=DIGEST,
        configuration=Configuration(
            architecture="amd64",
            os="linux",
            variant="",
            created="",
            author="",
            config=ImageConfig(**config),
            diff_ids=(),
            history=(),
            document={},
        ),
        layers=("/layers/b", "/layers/a"),
    )


def container(image: Image | None, **job: Any) -> ContainerSpec:
    """The container of a job."""
    return container_spec(JobSpec(**{"name": "j", "image": "web"} | job), "id", image)


def test_volumes_without_a_name_are_the_containers_own() -> None:
    """Those of the job and of its image, each with a new name; an image made of it has them too."""
    named = Volume(source="data", target="/data")
    job_volumes = (Volume(target="/own", read_only=True), named)
    spec = container(image(volumes=("/data", "/more"), command=("x",)), volumes=job_volumes)
    assert [(each.target, each.own, each.read_only) for each in spec.volumes] == [
        ("/own", True, True), ("/data", False, False), ("/more", True, False),
    ]  # fmt: skip
    assert len({each.source for each in spec.volumes}) == 3
    assert spec.volumes[1].source == "data"
    assert spec.image_config is not None
    assert spec.image_config.volumes == ("/data", "/more", "/own")


def test_an_image_says_how_its_containers_start() -> None:
    """Command, variables, user, directory and signal."""
    spec = container(
        image(
            entrypoint=("run",),
            command=("it",),
            environment={"A": "1", "B": "2"},
            user="app:staff",
            working_dir="/srv",
            stop_signal="SIGQUIT",
        ),
        environment={"B": "mine"},
    )
    assert spec.command == ("run", "it")
    assert spec.environment == {"A": "1", "B": "mine"}
    assert (spec.user, spec.working_dir, spec.stop_signal) == ("app:staff", "/srv", 3)
    assert spec.rootfs == OverlayRootfs(("/layers/b", "/layers/a"))


def test_a_job_has_the_last_word() -> None:
    """What it sets is taken, also where it is what would be the default."""
    spec = container(
        image(entrypoint=("run",), user="app", working_dir="/srv", stop_signal="3"),
        entrypoint=("sh",), command=("-c", "x"), user="0", working_dir="/", stop_signal=15,
    )  # fmt: skip
    assert spec.command == ("sh", "-c", "x")
    assert (spec.user, spec.working_dir, spec.stop_signal) == ("0", "/", 15)


def test_what_both_leave_out_has_a_default() -> None:
    """Root, the top directory and SIGTERM."""
    spec = container(image(command=("x",)))
    assert (spec.user, spec.working_dir, spec.stop_signal) == ("0", "/", 15)


def test_a_privileged_job_keeps_what_it_drops_itself() -> None:
    """All capabilities but those, all devices, no filter; what else it asks for stays."""
    spec = container(image(command=("x",)), privileged=True, cap_drop=("CAP_SYS_ADMIN",))
    assert ALL_CAPABILITIES - spec.capabilities == {CAP_SYS_ADMIN}
    assert (spec.privileged, spec.seccomp, spec.limits.devices) == (True, False, None)
    assert spec.no_new_privileges
    spec = container(
        image(command=("x",)), privileged=True, cap_drop=("ALL",), cap_add=("CAP_SYS_ADMIN",)
    )
    assert spec.capabilities == {CAP_SYS_ADMIN}
    assert not spec.all_capabilities


def test_all_capabilities_are_those_that_there_are() -> None:
    """For a privileged job as for one that adds ALL, whatever it takes away of them."""
    base = image(command=("x",))
    assert container(base, privileged=True).all_capabilities
    assert container(base, cap_add=("ALL",), cap_drop=("CAP_SYS_ADMIN",)).all_capabilities
    assert not container(base, cap_add=("CAP_SYS_ADMIN",)).all_capabilities


def test_a_profile_is_never_left_out() -> None:
    """It is the container's; one that nobody has read is an error, not the built-in one."""
    own = SecurityOptions(seccomp_profile='{"defaultAction":"SCMP_ACT_LOG"}')
    spec = container(image(command=("x",)), security_opt=own)
    assert (spec.seccomp, spec.seccomp_profile) == (True, own.seccomp_profile)
    assert not container(image(command=("x",)), security_opt=own, privileged=True).seccomp
    with pytest.raises(SpecError, match="security_opt: /p: has not been read"):
        container(image(command=("x",)), security_opt=SecurityOptions(seccomp_file="/p"))


def test_an_image_made_of_a_container_starts_as_the_container_did() -> None:
    """What the job said counts, and the image's command goes with its entrypoint, as in Docker."""
    base = image(
        entrypoint=("run",), command=("it",), environment={"A": "1", "B": "2"},
        labels={"a": "1", "b": "2"}, ports=("80/tcp",), stop_signal="SIGQUIT", working_dir="/srv",
    )  # fmt: skip
    same = container(base).image_config
    assert same == base.config
    own = container(
        base, environment={"B": "mine"}, labels={"b": "mine"}, command=("me",), user="app",
        stop_signal=35, healthcheck=Healthcheck(disable=True),
    ).image_config  # fmt: skip
    assert own == evolve(
        base.config, environment={"A": "1", "B": "mine"}, labels={"a": "1", "b": "mine"},
        command=("me",), user="app", stop_signal="35",
        healthcheck=ImageHealthcheck(test=("NONE",)),
    )  # fmt: skip
    other = container(base, entrypoint=("sh",), stop_signal=3).image_config
    assert other is not None
    assert (other.entrypoint, other.command, other.stop_signal) == (("sh",), (), "SIGQUIT")
    on_directory = JobSpec(name="j", image="/dir", command=("x",))
    assert container_spec(on_directory, "id", None).image_config is None


def test_an_image_without_a_command_needs_one() -> None:
    """Nothing is made up."""
    with pytest.raises(SpecError, match="command: none given, and the image has none"):
        container(image())


def test_a_signal_of_the_image_must_be_one() -> None:
    """A word that is no signal is not taken for SIGTERM."""
    with pytest.raises(SpecError, match=r"image\.StopSignal: 'SIGNOPE' is not a signal"):
        container(image(command=("x",), stop_signal="SIGNOPE"))
