# shellcheck shell=bash
# What the scripts beside this have in common. It is sourced.
set -euo pipefail
umask 022

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Every time in what is made: that of the commit, so that two builds are the same bytes.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH="$(git -C "$root" log -1 --format=%ct)"
fi
export SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC

# A folder that goes when the script ends.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

version() {
    sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml"
}

# Packs a folder, the same bytes each time.
pack() { # FOLDER [NAME…]
    local folder="$1"
    shift
    tar --create --directory "$folder" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner "$@"
}

# Puts the program and all that belongs to it where a system has it.
stage() { # BINARY FOLDER
    local binary="$1" to="$2" share="$2/usr/share" doc="$2/usr/share/doc/minisass-auth"
    install -D "$binary" "$to/usr/bin/minisass-auth"
    strip --strip-unneeded "$to/usr/bin/minisass-auth"
    install -Dm 644 "$root/packaging/minisass-auth.service" -t "$to/usr/lib/systemd/system"
    install -Dm 644 "$root/packaging/minisass-auth.sysusers" "$to/usr/lib/sysusers.d/minisass-auth.conf"
    install -Dm 640 "$root/packaging/minisass-auth.toml" -t "$to/etc"

    mkdir -p "$share/man/man1" "$share/man/man5"
    "$binary" man --dir "$share/man/man1"
    mv "$share/man/man1/minisass-auth.toml.5" "$share/man/man5"
    gzip -9n "$share"/man/man?/*
    completions() { "$binary" completions "$1" | install -Dm 644 /dev/stdin "$share/$2"; }
    completions bash bash-completion/completions/minisass-auth
    completions zsh zsh/vendor-completions/_minisass-auth
    completions fish fish/vendor_completions.d/minisass-auth.fish

    # As they lie in the repository, so that what refers to each other is found.
    install -Dm 644 "$root"/{README,CHANGELOG,CONTRIBUTING}.md -t "$doc"
    install -Dm 644 "$root"/docs/* -t "$doc/docs"
    install -Dm 644 "$root"/openapi/* -t "$doc/openapi"
    install -Dm 644 "$root/LICENSE" "$doc/copyright"
    ln -s copyright "$doc/LICENSE"
    install -Dm 644 "$root"/packaging/{nginx.conf,Caddyfile,compose.yaml} \
        "$root"/packaging/{nginx-postgres.conf,compose-postgres.yaml,postgres-role.sql} -t "$doc/examples"
}
