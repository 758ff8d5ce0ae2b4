#!/bin/sh
# Installs the build into an empty prefix, then builds and runs a program against it: through find_package, through
# pkg-config, and with the installed command.  install_test.sh CMAKE BUILD_DIR CXX
set -eu
cmake=$1 build=$2 cxx=$3
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

"$cmake" --install "$build" --prefix "$prefix" >/dev/null

expect_placed() { # its standard input is a domain XML whose interface has a root port of its own
  grep -q "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>" ||
    { echo "$1: the interface was not placed" >&2; exit 1; }
}

"$cmake" -S "$here" -B "$scratch/by-cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" >/dev/null
"$cmake" --build "$scratch/by-cmake"
"$scratch/by-cmake/consumer" >"$scratch/placed.xml"
expect_placed find_package <"$scratch/placed.xml"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name busproof.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046  # flags are words
"$cxx" -std=c++23 "$here/consumer.cpp" -o "$scratch/by-pkg-config" $(pkg-config --cflags --libs busproof)
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$scratch/by-pkg-config" | expect_placed pkg-config

"$prefix/bin/busproof" assign "$scratch/placed.xml" | cmp - "$scratch/placed.xml"
echo "command, CMake package and pkg-config file serve from $prefix"
