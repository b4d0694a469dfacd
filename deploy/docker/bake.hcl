# Builds both images for amd64 and arm64 with their labels, from the root of the repository:
#
#   VERSION=$(node -p 'require("./package.json").version') REVISION=$(git rev-parse HEAD) REGISTRY=registry.example.com/ \
#     docker buildx bake -f deploy/docker/bake.hcl --push
#
# A builder without emulation of the other platform builds its own: add `--set '*.platform=linux/amd64'`.

variable "VERSION" { default = "dev" }
variable "REVISION" { default = "" }
variable "SOURCE" { default = "" }
variable "REGISTRY" { default = "" }

group "default" {
  targets = ["gateway", "worker"]
}

target "image" {
  context    = "."
  dockerfile = "deploy/docker/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  args = {
    VERSION  = VERSION
    REVISION = REVISION
    SOURCE   = SOURCE
  }
}

target "gateway" {
  inherits = ["image"]
  target   = "gateway"
  tags     = ["${REGISTRY}airlock-gateway:${VERSION}"]
}

target "worker" {
  inherits = ["image"]
  target   = "worker"
  tags     = ["${REGISTRY}airlock-worker:${VERSION}"]
}
