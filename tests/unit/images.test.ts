import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const textOf = (name: string) => readFileSync(new URL(`../../deploy/docker/${name}`, import.meta.url), 'utf8')
const dockerfile = textOf('Dockerfile')
const bake = textOf('bake.hcl')

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, match = '']) => match)

test('images have labels with their name, version, commit, source and licence', () => {
  const labels = matches(dockerfile, /org\.opencontainers\.image\.(\S+=\S+)/g)
  expect(labels.toSorted()).toEqual([
    'licenses=MIT',
    'revision=$REVISION',
    'source=$SOURCE',
    'title=airlock-gateway',
    'title=airlock-worker',
    'version=$VERSION',
  ])
  expect(dockerfile).toMatch(/^ENV .*AIRLOCK_REVISION=\$REVISION$/m) // for airlock_build_info
})

test('bake builds every image for amd64 and arm64, and sets every argument', () => {
  expect(bake).toContain('platforms  = ["linux/amd64", "linux/arm64"]')
  const images = matches(dockerfile, /^FROM runtime AS (\w+)$/gm)
  expect(matches(bake, /^ {2}target {3}= "(\w+)"$/gm)).toEqual(images)
  expect(matches(bake, /^ {4}(\w+) +=/gm)).toEqual(matches(dockerfile, /^ARG (\w+)$/gm))
})
