# Recipes for ./just. Debian packages are installed only where they are missing, Python packages
# only after pyproject.toml or a meson file changed; a C source is rebuilt on the next import.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

c_files := "$(find native tests/native bench -name '*.[ch]')"

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")
export PIP_DISABLE_PIP_VERSION_CHECK := "1"

build_packages := "gcc libc6-dev libseccomp2 musl-tools python3-dev"
test_packages := "apache2-utils busybox-static clang docker-registry faketime fish groff-base libclang-rt-dev openssl podman procps runc skopeo strace systemd uidmap umoci zsh"
lab_packages := "debootstrap e2fsprogs kmod qemu-system-x86"
bench_packages := "busybox-static bubblewrap conmon crun docker-registry podman runc skopeo umoci"

[private]
default:
    @just --list --justfile {{ quote(justfile()) }}

# Runs the example pipeline: real containers, nothing to download.
demo: setup
    python -m supervisor up examples/jobs.toml

# Runs the test suite, the C tests under sanitizers included; arguments go to pytest.
[no-exit-message]
test *ARGS: setup (packages test_packages)
    python -m pytest "$@"

# Kills supervisors at random moments and injects faults into every system call; takes minutes.
# Arguments go to pytest: --torture-seed N repeats a run, --torture-kills N makes it shorter.
[no-exit-message]
torture *ARGS: setup (packages test_packages)
    python -m pytest tests/torture -m torture "$@"

# Runs the tests that need the kernel in guests with pure cgroup v2, and those of the service in
# guests with systemd. Without a name all run; behind a name, more arguments go to pytest. Takes half
# an hour, and needs neither KVM nor, once the guests are made, the network.
[no-exit-message]
lab *ARGS: setup (packages test_packages) (packages lab_packages)
    python -m tests.lab "$@"

# Checks style and types of everything.
lint: setup typing-check
    ruff check .
    ruff format --check .
    python -m mypy --strict supervisor runtime tests bench
    clang-format --dry-run -Werror {{ c_files }}

# trio-typing's stubs take the place of trio's own types wherever both are installed, and they
# predate trio 0.23. Users who still have them must be able to use the public API all the same,
# so tests/typing is checked once more beside those stubs: in an environment of its own, so that
# nothing else is judged by them, and without their mypy plugin, which crashes current mypy. Our
# own modules are followed silently, as they are for a user who has them in site-packages.
# Checks the public API against trio-typing's stubs.
typing-check: setup
    #!/usr/bin/env bash
    set -euo pipefail
    stamp=.venv-typing/made-for
    now="$PWD $(sha256sum pyproject.toml)"
    if [[ "$(cat "$stamp" 2>/dev/null || true)" != "$now" ]]; then
        python -m venv --clear .venv-typing
        python -c 'if True:
            import tomllib
            project = tomllib.load(open("pyproject.toml", "rb"))["project"]
            print(*project["dependencies"], *project["optional-dependencies"]["typing"], sep="\n")
        ' | .venv-typing/bin/python -m pip install --quiet --requirement /dev/stdin
        printf '%s\n' "$now" >"$stamp"
    fi
    .venv-typing/bin/python -m mypy --strict --follow-imports=silent \
        --cache-dir=.venv-typing/cache tests/typing

# Measures starts, throughput and idle cost against other tools.
bench: setup (packages bench_packages)
    python -m bench

# Feeds random input to each C fuzz target for SECONDS.
[no-exit-message]
fuzz SECONDS="60": setup (packages test_packages)
    python -m pytest tests/native -k fuzz --fuzz-seconds "$1" --capture=no

# Formats everything in place.
fmt: setup
    ruff format .
    ruff check --fix .
    clang-format -i {{ c_files }}

# Removes all that was built or installed here; the next call sets up again.
clean:
    rm -rf .venv .venv-typing build .hypothesis .mypy_cache .pytest_cache .ruff_cache
    find . -name __pycache__ -prune -exec rm -rf {} +

[private]
setup: (packages build_packages)
    #!/usr/bin/env bash
    set -euo pipefail
    stamp=.venv/installed-for
    now=$(sha256sum pyproject.toml meson.build */meson.build)
    if [[ "$(cat "$stamp" 2>/dev/null || true)" != "$now" ]]; then
        echo 'installing the Python packages into .venv' >&2
        # The loader of an editable install runs meson and ninja again on import, so both have to
        # stay: they are installed here, where build isolation would throw them away.
        python -c 'if True:
            import tomllib
            print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
        ' | python -m pip install --quiet --requirement /dev/stdin >&2
        python -m pip install --quiet --no-build-isolation --config-settings=build-dir=.venv/build \
            --editable '.[dev]' >&2
        printf '%s\n' "$now" >"$stamp"
    fi
    # Where Python is told to write no bytecode, each of the thousands of processes that the tests
    # start would compile the same modules anew.
    python -m compileall -q runtime supervisor

[private]
packages NAMES:
    #!/usr/bin/env bash
    set -euo pipefail
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' {{ NAMES }} 2>/dev/null || true)
    missing=()
    for name in {{ NAMES }}; do
        grep -qx "installed $name" <<<"$installed" || missing+=("$name")
    done
    ((${#missing[@]})) || exit 0
    line="apt-get -qq update && apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends ${missing[*]}"
    if ((EUID)) || ! command -v apt-get >/dev/null; then
        echo "packages are missing; run as root: $line" >&2
        exit 1
    fi
    echo "installing the Debian packages ${missing[*]}" >&2
    DEBIAN_FRONTEND=noninteractive bash -c "$line" >&2 </dev/null
