# Sets up what a fresh Debian 12 or Raspberry Pi OS (64-bit) machine lacks. Sourced by ./run and ./test; not a command.
# Everything built goes to one directory outside the clone, so that clones share it: WATTSEAL_TARGET chooses where.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CARGO_TARGET_DIR="${WATTSEAL_TARGET:-${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wattseal/target}}"
export WATTSEAL_DATA="${WATTSEAL_DATA:-$PWD/../shared}"
TOOLS="$CARGO_TARGET_DIR/tools"
export PATH="$TOOLS/bin:$HOME/.cargo/bin:$PATH"

say() { printf '%s\n' "$*" >&2; }

stop() { # could not: file, network, lock
    say "wattseal: $*"
    exit 3
}

# Debian packages by name; asks for nothing, and for root only when something is missing.
packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || stop "these packages are missing and this is no Debian system: ${missing[*]}"
    say "Installing ${missing[*]}"
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "install these packages as root, then start again: ${missing[*]}"
        root=(sudo)
    fi
    "${root[@]}" apt-get update -qq >&2 || stop "apt-get update failed; is there a network?"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        stop "apt-get could not install ${missing[*]}"
}

# A Rust toolchain new enough for Cargo.toml's rust-version. Debian's own is too old, so a missing one comes from
# rustup. That step is untested where rustup.rs cannot be reached; see README.
toolchain() {
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p' || true)
    if [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]; then
        return
    fi
    say "Installing a Rust toolchain (found: ${have:-none}, wanted: $wanted or newer)"
    if command -v rustup >/dev/null; then
        rustup toolchain install stable --profile minimal >&2 && rustup default stable >&2 || stop "rustup could not install a toolchain"
    else
        packages curl ca-certificates
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal >&2 ||
            stop "rustup could not be installed; install Rust $wanted or newer yourself and start again"
    fi
    hash -r
}

# A tool of Rust's own packaging, built into our target directory when the machine has none.
cargo_tool() { # command, crate, version
    command -v "$1" >/dev/null && return
    say "Building $2 $3 (once)"
    CARGO_TARGET_DIR="$CARGO_TARGET_DIR" cargo install --quiet --locked --root "$TOOLS" "$2" --version "$3" >&2 ||
        stop "cargo could not install $2"
}
