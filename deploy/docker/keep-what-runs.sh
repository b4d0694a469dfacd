#!/bin/sh
# Run by the Dockerfile in the folder of the workspace, after `npm ci --workspace=…`: copies what the named workspaces need at run time.
# npm linked exactly the packages of ours that they reach; type declarations and source maps make up a third of the rest.
#
#   keep-what-runs.sh FOLDER
set -eu
out=$1
mkdir "$out"
# shellcheck disable=SC2046 # our package names hold no spaces
cp -r --parents node_modules $(realpath --relative-to=. node_modules/@airlock/*) "$out"
find "$out/node_modules" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
rm -rf "$out/node_modules/.bin" "$out/node_modules/.package-lock.json"
