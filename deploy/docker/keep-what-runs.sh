#!/bin/sh
# Run by the Dockerfile in the workspace folder, after `npm ci --workspace=…`: copies what these workspaces need at run time.
# npm has linked exactly the @airlock packages that they need; type declarations and source maps are a third of the other files.
#
#   keep-what-runs.sh FOLDER
set -eu
out=$1
mkdir "$out"
# shellcheck disable=SC2046 # our package names contain no spaces
cp -r --parents node_modules $(realpath --relative-to=. node_modules/@airlock/*) "$out"
find "$out/node_modules" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
rm -rf "$out/node_modules/.bin" "$out/node_modules/.package-lock.json"
