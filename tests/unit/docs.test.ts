import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { variableNames } from '@airlock/config'
import { errorCodes } from '@airlock/domain'
import { expect, test } from 'vitest'

/** Compares the pages with the code: links, commands, variables, codes, routes, fields and messages. */

const repository = fileURLToPath(new URL('../../', import.meta.url))

/** Folders that are installed or generated. */
const foreign = new Set(['node_modules', 'dist', 'built', 'coverage', '.airlock', '.turbo', '.git'])

const find = (pattern: string): string[] =>
  globSync(pattern, { cwd: repository, exclude: (path) => foreign.has(basename(path)) }).toSorted()

const textOf = (path: string): string => readFileSync(join(repository, path), 'utf8')

const pages = find('**/*.md').map((path) => ({ path, text: textOf(path) }))

const wordsOf = (text: string): Set<string> => new Set(text.match(/\w+/g))

const sources = [...find('{{apps,packages}/*/src,tools,tests/{chaos,long}}/**/*.ts'), 'packages/database/schema.sql'].map(textOf).join('\n')
const compose = textOf('docker-compose.yml')
const words = wordsOf(sources + compose)

test.for(pages)('every link in $path resolves', ({ path, text }, { expect }) => {
  const links = [...withoutCode(text).matchAll(/\]\((?![a-z]+:)([^)\s]*)\)/g)].map(([, link = '']) => link)
  expect(links.filter((link) => !leadsSomewhere(link, path))).toEqual([])
})

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

function leadsSomewhere(link: string, from: string): boolean {
  const [to = '', heading] = decodeURI(link).split('#')
  const file = to === '' ? join(repository, from) : resolve(repository, dirname(from), to)
  if (relative(repository, file).startsWith('..') || !existsSync(file)) return false
  return heading === undefined || anchorsOf(readFileSync(file, 'utf8')).includes(heading)
}

/** Headings as GitHub turns them into anchors. */
const anchorsOf = (text: string): string[] =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )

test('every page of docs is reachable from the index', () => {
  const index = textOf('docs/README.md')
  const lost = find('docs/**/*.md').filter((path) => path !== 'docs/README.md' && !index.includes(`(${relative('docs', path)})`))
  expect(lost).toEqual([])
})

test.for(pages)('every npm script in $path exists', ({ text }, { expect }) => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
  const named = [...text.matchAll(/npm run (?:--?[a-z]+ )*([a-z][\w:-]*)/g)].map(([, name = '']) => name)
  expect(named.filter((name) => !(name in scripts))).toEqual([])
})

test.for(pages)('every ops command in $path exists', ({ text }, { expect }) => {
  const exported = find('apps/ops/src/commands/**/*.ts').flatMap((path) => [...textOf(path).matchAll(/^export const ([a-z]+)Command\b/gm)])
  const commands = exported.map(([, name]) => name)
  const named = [...text.matchAll(/npm run ops -- ([a-z]+)/g)].map(([, name = '']) => name)
  expect(named.filter((name) => !commands.includes(name))).toEqual([])
})

/** Variables of Node, npm, desktops, pip, the SDK, container engines and terminals. */
const variablesOfOthers = [
  'NODE_ENV',
  'NODE_EXTRA_CA_CERTS',
  'HTTPS_PROXY',
  'DOCKER_HOST',
  'XDG_CONFIG_HOME',
  'XDG_STATE_HOME',
  'PIP_INDEX_URL',
  'NO_COLOR',
]

/** Placeholders of examples for the reader's own values. */
const placeholders = [
  'JOB_ID',
  'UPLOAD_ID',
  'OTHER_JOB_ID',
  'ASSET_ID',
  'OTHER_ASSET_ID',
  'BRAND_ID',
  'USER_ID',
  'PROJECT_ID',
  'OPS_TOKEN',
  'WEBHOOK_SECRET',
  'SERVICE_TOKEN',
]

test.for(pages)('every variable in $path is read by the code', ({ text }, { expect }) => {
  const known = new Set<string>([...variableNames, ...variablesOfOthers, ...placeholders])
  const setHere = new Set([...text.matchAll(/^\s*(?:export )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name))
  const named = text.match(/(?<![\w.<-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w>*…-]|\.\w)/g) ?? []
  const unknown = named.filter((name) => !known.has(name) && !setHere.has(name) && !isReadByTools(name))
  expect([...new Set(unknown)]).toEqual([])
})

/** Some are read by the compose file, by scripts, or by the SDKs of AWS and OpenTelemetry. */
const isReadByTools = (name: string): boolean =>
  composeWords.has(name) || /^(AWS|OTEL)_/.test(name) || (/^(TEST|AIRLOCK)_/.test(name) && scriptWords.has(name))

const composeWords = wordsOf(compose)
const scriptWords = wordsOf([...find('{packages/*/{src,bin},tools,tests/{chaos,long}}/**/*.{ts,mjs}'), '.ci/run'].map(textOf).join('\n'))

test.for(pages)('every error code in a response in $path is in the catalogue', ({ text }, { expect }) => {
  const shown = [...text.matchAll(/"code": ?"([^"]*)"/g)].map(([, code = '']) => code)
  expect(shown.filter((code) => !(errorCodes as string[]).includes(code))).toEqual([])
})

/** Names in snake_case of Postgres and of Prometheus' client. */
const wordsOfOthers = ['max_connections', 'pg_stat_activity', 'pg_stat_statements', 'nodejs_', 'process_']

test.for(pages)('every code, field and column in $path occurs in the code', ({ text }, { expect }) => {
  const named = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([a-z][a-z0-9]*(?:_[a-z0-9]*)+)…?`/g)].map(([, word = '']) => word)
  expect([...new Set(named)].filter((word) => !words.has(word) && !wordsOfOthers.includes(word))).toEqual([])
})

test.for(pages)('every message that $path quotes is printed by the code', ({ text }, { expect }) => {
  const quoted = [...text.matchAll(/`"([^"`]+)"`/g)].map(([, message = '']) => message)
  expect(quoted.filter((message) => !sources.includes(message))).toEqual([])
})

test('docs/http-api.md has a section or a row for each route, and no others', () => {
  const routes = find('apps/gateway/src/{routes/*,operations/metrics,openapi/serve-openapi}.ts').flatMap(
    (path) => textOf(path).match(/(?<=')\/(?:api|health|metrics)[^'\s]*(?=')/g) ?? [],
  )
  const page = textOf('docs/http-api.md')
  const described = [...page.matchAll(/`(?:(?:GET|POST|PUT|DELETE) )?(\/(?:api|health|metrics)[^`\s]*)`/g)].map(([, path = '']) => path)
  expect(new Set(described)).toEqual(new Set(routes))
})
