import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { GeneratedVideo, jobOptions, parseGeneratedVideo, parseJobResult, priorities, queueNames, queuePrefix } from '../../src/index.ts'

/** Compares the documentation for producers in other languages with what our own producer does. */

const textOf = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8')
const page = textOf('docs/pipeline.md')
const python = textOf('examples/python-pipeline/pipeline.py')

/** The rows of a section's table, without its header. */
const tableOf = (heading: string): string[][] =>
  (page.split(`### ${heading}\n`)[1]?.split(/^###? /m)[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))

const [payload, ...results] = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = '']) => JSON.parse(json))
const parsed = parseGeneratedVideo('generated_video', payload)
const added = jobOptions('videos', { name: 'generated_video', payload: parsed })

test('the payload and results on the page are valid', () => {
  expect(parsed).toEqual(payload)
  expect(results.map((result) => parseJobResult(result).status)).toEqual(['completed', 'rejected'])
})

test('the page lists exactly the fields of a payload', () => {
  const named = tableOf('The payload').flatMap(([field = '']) => field.match(/\w+/g) ?? [])
  expect(named.filter((field) => field !== 'field').toSorted()).toEqual(Object.keys(GeneratedVideo.properties).toSorted())
})

test('the page lists the job options that the producer sets', () => {
  const documented = new Map(tableOf('The job').map(([name = '', value = '']) => [name, value]))
  expect(documented.get('queue')).toContain(`\`${queueNames.videos}\`, with the prefix \`${queuePrefix}\``)
  expect(documented.get('`attempts`, `backoff`')).toContain(`${added.attempts}, \`{"type": "custom"}\``)
  expect(documented.get('`priority`')).toContain(`${priorities.interactive} for \`interactive\`, ${priorities.batch} for \`batch\``)
  for (const option of ['removeOnComplete', 'removeOnFail'] as const) {
    expect(JSON.parse(/`(.*?)`/.exec(documented.get(`\`${option}\``) ?? '')?.[1] ?? 'null')).toEqual(added[option])
  }
  const options = [...documented.keys()].flatMap((name) => [...name.matchAll(/`(\w+)`/g)].map(([, option]) => option))
  expect(options.toSorted()).toEqual(Object.keys(added).toSorted())
})

test('the pipeline in Python adds the same jobs as the producer', () => {
  const [, dict = ''] = /^JOB_OPTIONS = (\{[\s\S]*?^\})$/m.exec(python) ?? []
  expect({ ...runInNewContext(`(${dict})`), jobId: added.jobId }).toEqual(added)
  expect(python).toContain(`Queue("${queueNames.videos}", {"connection": settings.redis_url, "prefix": "${queuePrefix}"})`)
})
