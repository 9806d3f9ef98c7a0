#!/usr/bin/env bash
# Make a folder that holds an aarch64 Python and what edge-infer needs there, for
# `python -m benchmarks.processors.other_cpus --aarch64-root FOLDER`. Needs Debian, root, and of its packages
# debootstrap and qemu-user. Nothing foreign is run: the packages are only unpacked.
set -euo pipefail

if [ $# -ne 1 ] || [ -e "$1" ]; then
  echo "usage: $0 FOLDER   (a new one)" >&2
  exit 2
fi
root="$1"

debootstrap --arch=arm64 --foreign --variant=minbase --include=python3,libstdc++6 bookworm "$root"
for package in "$root"/var/cache/apt/archives/*.deb; do # debootstrap itself unpacks the indispensable ones only
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root"
done
rm -r "$root"/var/cache/apt/archives/*

# The versions that this machine's own Python has, so that only the processor differs.
python3 -m pip freeze | grep -E '^(click|numpy|onnxruntime|pillow)==' >"$root/requirements.txt"
python3 -m pip install --quiet --disable-pip-version-check --only-binary=:all: --implementation cp \
  --python-version 3.11 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
  --platform manylinux2014_aarch64 --target "$root/site" --requirement "$root/requirements.txt"
