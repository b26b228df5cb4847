"""Images from the store into a registry, and what others find there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from runtime.errors import ImageError, RegistryError
from runtime.images.manifest import Descriptor
from runtime.images.reference import parse_reference
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from runtime.registry.pushing import Pushed, PushStep, push
from tests.integration.registry.peer import LARGE, PASSWORD, Peer, skopeo
from tests.integration.registry.test_pulling import bring, nothing
from tests.runtime.images.archives import Member, add_image, archive

pytestmark = pytest.mark.root

Report = Callable[[Descriptor, PushStep, int], None]


async def send(
    store: ImageStore, access: Access, name: str, source: str, report: Report = nothing
) -> Pushed:
    """Push the image `source` as `name`."""
    store.tag(store.find(source), name)
    return await push(store, access, parse_reference(name), report)


async def test_an_image_goes_out_and_comes_back(
    peer: Peer, shared: ImageStore, access: Access, tmp_path: Path
) -> None:
    """For all its platforms; skopeo finds the same digest, and copies every byte of it."""
    pushed = await send(shared, access, f"{peer.host}/out/app:x", "many")
    assert pushed.whole
    assert pushed.target.digest == shared.find("many").target.digest == peer.digest("out/app:x")
    place = f"docker://{peer.host}/out/app:x"
    skopeo("copy", "-q", "--all", "--src-tls-verify=false", place, f"oci:{tmp_path}/copy:x")
    index = json.loads((tmp_path / "copy/index.json").read_bytes())
    assert [entry["digest"] for entry in index["manifests"]] == [pushed.target.digest]
    other = ImageStore(f"{tmp_path}/other")
    assert (await bring(other, access, f"{peer.host}/out/app:x")).digest == pushed.target.digest


async def test_what_the_registry_has_is_not_sent(
    peer: Peer, shared: ImageStore, access: Access
) -> None:
    """In the same repository it is there already, in another one it is mounted."""
    steps: dict[str, PushStep] = {}

    def report(layer: Descriptor, step: PushStep, done: int) -> None:
        steps[layer.digest] = step

    new = archive(Member(name="new", content=peer.host.encode()))
    add_image(shared, [new, archive(Member(name="x"))], "new")
    await send(shared, access, f"{peer.host}/out/one:x", "new", report)
    assert set(steps.values()) == {PushStep.DONE}
    await send(shared, access, f"{peer.host}/out/one:y", "new", report)
    assert set(steps.values()) == {PushStep.PRESENT}
    pushed = await send(shared, access, f"{peer.host}/out/two:x", "new", report)
    assert set(steps.values()) == {PushStep.MOUNTED}
    assert peer.digest("out/two:x") == pushed.target.digest


async def test_only_what_is_here_is_sent(peer: Peer, store: ImageStore, access: Access) -> None:
    """An index whose other platforms were never pulled stays, its own image goes."""
    await bring(store, access, f"{peer.host}/team/app:many")
    pushed = await send(store, access, f"{peer.host}/out/own:x", f"{peer.host}/team/app:many")
    assert not pushed.whole
    assert pushed.target.digest == peer.digest("out/own:x") == peer.digest("team/app:small")


async def test_a_registry_may_die_in_mid_push(
    peer: Peer, store: ImageStore, access: Access
) -> None:
    """The blob is sent from its beginning once the registry is there again."""
    add_image(store, [archive(Member(name="z", content=bytes(LARGE)))], "zeros")
    killed: list[int] = []

    def report(layer: Descriptor, step: PushStep, done: int) -> None:
        if step is PushStep.SENDING and done > LARGE // 2 and not killed:
            killed.append(done)
            peer.kill()
            peer.start()

    pushed = await send(store, access, f"{peer.host}/out/zeros:x", "zeros", report)
    assert killed
    assert peer.digest("out/zeros:x") == pushed.target.digest


async def test_what_cannot_be_pushed_is_told(
    guarded: Peer, store: ImageStore, trusting: Access, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No image, a digest for a name, no login, a damaged blob: the registry is as it was."""
    # httpcore leaves a socket to the collector whose handshake is cancelled by another failure.
    monkeypatch.setattr("runtime.registry.pushing.AT_ONCE", 1)
    add_image(store, [archive(Member(name="a"))], "app")
    name = f"{guarded.host}/out/app:x"
    with pytest.raises(ImageError, match="library/nope:latest: not in the store"):
        await push(store, trusting, parse_reference("nope"), nothing)
    with pytest.raises(ImageError, match="only a name with a tag can be pushed"):
        await push(store, trusting, parse_reference(f"a@sha256:{'0' * 64}"), nothing)
    with pytest.raises(RegistryError) as refused:
        await send(store, trusting, name, "app")
    said = f"{name}: 127.0.0.1 answered 401 UNAUTHORIZED: authentication required"
    assert str(refused.value) == said
    (tmp_path / "me").write_text(
        json.dumps({"auths": {guarded.host: {"username": "me", "password": PASSWORD}}})
    )
    me = evolve(trusting, environ={"REGISTRY_AUTH_FILE": f"{tmp_path}/me"})
    layer = store.find("app").manifest.layers[0]
    blob = Path(store.blobs.path(layer.digest))
    whole = blob.read_bytes()
    blob.write_bytes(bytes(len(whole)))
    with pytest.raises(RegistryError, match="400 DIGEST_INVALID: provided digest did not match"):
        await send(store, me, name, "app")
    blob.write_bytes(whole)
    assert (await send(store, me, name, "app")).target.digest == guarded.digest("out/app:x")
