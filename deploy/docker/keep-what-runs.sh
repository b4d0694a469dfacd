#!/bin/sh
# Run by the Dockerfile in the workspace folder, after `npm ci --workspace=…`: copies what these workspaces need at run time, and lists it in
# sbom.cdx.json (CycloneDX). npm has linked exactly the @airlock packages that they need; type declarations and source maps are a third of the other files.
#
#   keep-what-runs.sh FOLDER     the folder's name becomes the name of the product in the list
set -eu
out=$1
mkdir "$out"
# shellcheck disable=SC2046 # our package names contain no spaces
cp -r --parents node_modules $(realpath --relative-to=. node_modules/@airlock/*) "$out"
find "$out/node_modules" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
rm -rf "$out/node_modules/.bin" "$out/node_modules/.package-lock.json"

# `npm sbom --workspace` misses what the linked packages depend on. So the copy is described as a project of its own, without what is not installed.
node -e '
  const { version, license, overrides } = JSON.parse(fs.readFileSync("package.json"))
  const project = { name: path.basename(process.argv[1]), version, license, private: true, workspaces: ["apps/*", "packages/*"], overrides }
  fs.writeFileSync(process.argv[1] + "/package.json", JSON.stringify(project))
' "$out"
cd "$out"
npm pkg delete devDependencies --workspaces
npm sbom --sbom-format cyclonedx --sbom-type application >sbom.cdx.json
rm package.json
