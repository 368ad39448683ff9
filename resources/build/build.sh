# SPDX-License-Identifier: BSL-1.0
# Shell functions that app/run and tests/run share: install what is missing, configure, build.
# Expects $top to be the folder of CMakeLists.txt.

# install_packages [tests]: installs what resources/build/packages.txt names and is not installed yet; with "tests" also what
# only the tests need.
install_packages() {
    local wanted missing=() package
    wanted=$(awk -v purpose="${1:-}" '/^#/ || NF == 0 { next } $2 == "" || $2 == purpose { print $1 }' "$top/resources/build/packages.txt")
    for package in $wanted; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0
    echo "Installing ${#missing[@]} packages: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing and need root to install: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    local log
    log=$(mktemp)
    # A policy that forbids it keeps packages such as nginx from starting a service during the installation.
    if ! { "${as_root[@]}" apt-get update -qq \
        && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        echo "Installing packages failed; the whole output is in $log" >&2
        return 1
    fi
    rm -f "$log"
}

# build FOLDER [CMAKE ARGUMENT…]: configures and builds into FOLDER; quiet unless something fails.
build() {
    local folder=$1
    shift
    local log="$folder/build.log"
    mkdir -p "$folder"
    if ! { cmake -S "$top" -B "$folder" -G Ninja "$@" && cmake --build "$folder"; } >"$log" 2>&1 </dev/null; then
        grep -nE 'error|FAILED|warning' "$log" | head -n 60 >&2
        tail -n 30 "$log" >&2
        echo "The build failed; the whole output is in $log" >&2
        return 1
    fi
}
