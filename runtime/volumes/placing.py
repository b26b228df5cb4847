"""Where on the host a container's volumes are, and how they come to be there before its start."""

from __future__ import annotations

from attrs import evolve

from runtime.directories import ContainerDirectory, Directories
from runtime.spec import ContainerSpec, OverlayRootfs, Volume
from runtime.volumes.filling import fill
from runtime.volumes.owning import note_own_volumes
from runtime.volumes.store import VolumeStore, data_in
from runtime.volumes.usage import note_volumes


def placed(spec: ContainerSpec, directories: Directories) -> ContainerSpec:
    """The same container with the paths of the host in the place of the names of volumes."""
    return evolve(spec, volumes=tuple(_placed(each, directories) for each in spec.volumes))


def _placed(volume: Volume, directories: Directories) -> Volume:
    if volume.is_path:
        return volume
    return evolve(volume, source=data_in(f"{directories.volumes}/{volume.source}"), own=False)


def provide_volumes(
    spec: ContainerSpec, directory: ContainerDirectory, directories: Directories
) -> None:
    """Have all that it names, made where it is missing, and filled where nobody has had it yet.

    Raises VolumeError or OSError.
    """
    names = dict.fromkeys(each.source for each in spec.volumes if not each.is_path)
    if not names:
        return
    note_volumes(directory.volumes, [*names])
    own = {each.target: each.source for each in spec.volumes if each.own}
    if own:
        note_own_volumes(directory, own)
    store = VolumeStore.of(directories)
    layers = spec.rootfs.lower if isinstance(spec.rootfs, OverlayRootfs) else ()
    for volume in spec.volumes:
        if not volume.is_path:
            sources = () if volume.nocopy else layers
            fill(store.ensure(volume.source), sources, volume.target)
