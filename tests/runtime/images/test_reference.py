"""Names of images, by Docker's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ImageError
from runtime.images.reference import DIGEST, Reference, parse_reference

SHA = "sha256:" + "0123456789abcdef" * 4
NO_DIGEST = "the digest is not sha256: and 64 hexadecimal digits in lower case"

LABEL = st.from_regex(r"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,6}[a-zA-Z0-9])?\Z")
PORT = st.integers(1, 65535).map(lambda port: f":{port}")
DOMAIN = st.one_of(
    st.just("docker.io"),
    st.builds("localhost{}".format, st.one_of(st.just(""), PORT)),
    st.builds("{}.{}{}".format, LABEL, LABEL, st.one_of(st.just(""), PORT)),
    st.builds("{}{}".format, LABEL, PORT),
    st.just("[::1]:5000"),
)
COMPONENT = st.from_regex(r"\A[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}\Z")
PATH = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
TAG = st.from_regex(r"\A[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}\Z")
WHICH = st.one_of(
    st.tuples(TAG, st.none()), st.tuples(st.none(), st.just(SHA)), st.tuples(TAG, st.just(SHA))
)


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("me/app:v1", "docker.io/me/app:v1", "me/app:v1"),
        ("a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest"),
        ("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        (f"busybox@{SHA}", f"docker.io/library/busybox@{SHA}", f"busybox@{SHA}"),
        (f"busybox:a@{SHA}", f"docker.io/library/busybox:a@{SHA}", f"busybox:a@{SHA}"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost", "docker.io/library/localhost:latest", "localhost:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("Host/app", "Host/app:latest", "Host/app:latest"),
        ("host:80/app", "host:80/app:latest", "host:80/app:latest"),
        ("quay.io/app", "quay.io/app:latest", "quay.io/app:latest"),
        ("docker.io/foo.bar/x", "docker.io/foo.bar/x:latest", "docker.io/foo.bar/x:latest"),
        ("docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"),
        ("docker.io/" + "a" * 64, f"docker.io/library/{'a' * 64}:latest", None),
    ],
)
def test_names_are_completed(text: str, canonical: str, familiar: str | None) -> None:
    """What is left out is added as Docker adds it, and left out again where it is shown."""
    reference = parse_reference(text)
    assert str(reference) == canonical
    assert reference.familiar == (familiar or f"library/{'a' * 64}:latest")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Busybox", "the name is not in lower case"),
        ("quay.io/App", "the name is not in lower case"),
        ("a" * 64, "64 hexadecimal digits are an id, not a name"),
        (
            "a@sha512:" + "0" * 128,
            NO_DIGEST,
        ),
        (f"a@{SHA.upper()}", NO_DIGEST),
        ("a@", NO_DIGEST),
        ("quay.io/", "there is no name"),
        (":tag", "there is no name"),
        (f"@{SHA}", "there is no name"),
        ("quay.io:0/a", "port 0 is not between 1 and 65535"),
        ("quay.io:65536/a", "port 65536 is not between 1 and 65535"),
        ("-a.io/x", "'-a.io' is not the name of a registry"),
        ("a.io:x/y", "'a.io:x' is not the name of a registry"),
        ("[::1/x", "'[::1' is not the name of a registry"),
        (f"quay.io/{'a' * 248}", "the name is longer than 255 characters"),
        ("a" * 1025, "longer than 1024 characters"),
    ],
)
def test_errors_are_exact(text: str, problem: str) -> None:
    """What is no reference is refused with the reason."""
    with pytest.raises(ImageError) as refused:
        parse_reference(text)
    assert str(refused.value) == f"image reference {text[:300]!r}: {problem}"


def test_an_empty_reference_is_refused() -> None:
    """No name at all has words of its own."""
    with pytest.raises(ImageError, match=r"\Aimage reference is empty\Z"):
        parse_reference("")


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a b", "a" * 129, "é", "a\n"])
def test_bad_tags_are_refused(tag: str) -> None:
    """A tag has few letters and no others, and the error quotes it."""
    with pytest.raises(ImageError) as refused:
        parse_reference(f"busybox:{tag}")
    assert f"the tag {tag!r} is not" in str(refused.value)


@pytest.mark.parametrize(
    "name", ["a/../b", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-", "a b", "a\n", "é", "a\0"]
)
def test_bad_names_are_refused(name: str) -> None:
    """Nothing in a name can lead out of a path or break a line."""
    with pytest.raises(ImageError, match="is not a name: letters and digits"):
        parse_reference(name)


@given(DOMAIN, PATH, WHICH)
def test_both_forms_are_read_back(
    domain: str, path: str, which: tuple[str | None, str | None]
) -> None:
    """The canonical and the familiar form mean the same image, whatever it is called."""
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    reference = Reference(domain=domain, path=path, tag=which[0], digest=which[1])
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference


@given(st.one_of(st.text(max_size=40), st.text(alphabet="aA0._-/:@[]", max_size=24)))
def test_any_text_is_a_reference_or_an_image_error(text: str) -> None:
    """Nothing else is ever raised, and what is accepted is complete."""
    try:
        reference = parse_reference(text)
    except ImageError as error:
        assert str(error).startswith("image reference ")
        return
    assert parse_reference(str(reference)) == reference
    assert reference.tag or (reference.digest and DIGEST.fullmatch(reference.digest))
    assert len(str(reference).split()) == 1
