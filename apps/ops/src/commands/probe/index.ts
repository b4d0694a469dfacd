import { parseArgs } from 'node:util'
import type { Command } from '../../command.ts'
import { type Check, type Finding, missing } from './check.ts'
import { copyingChecks } from './checks/copying.ts'
import { keyChecks } from './checks/keys.ts'
import { presigningChecks } from './checks/presigning.ts'
import { readingChecks } from './checks/reading.ts'
import { settingChecks } from './checks/settings.ts'
import { uploadChecks } from './checks/uploads.ts'
import { writingChecks } from './checks/writing.ts'
import { asJson, asMarkdown, asText, isFatal, type Line, lineOf } from './report.ts'
import { inShort, nameOf, readTarget, targetOptions, targetUsage } from './s3-target.ts'
import { onScratchBucket, type ScratchBucket } from './scratch-bucket.ts'

/** Everything that Airlock needs of a store, or likes to have, in the order of the table. */
export const checks: readonly Check[] = [
  ...writingChecks,
  ...uploadChecks,
  ...readingChecks,
  ...copyingChecks,
  ...presigningChecks,
  ...keyChecks,
  ...settingChecks,
]

export const probeCommand: Command = {
  name: 'probe',
  summary: 'tries what Airlock needs of an S3 store, and prints a table',
  usage: `[--endpoint <url>] [--access-key <id> --secret-key <secret>] [--region <region>] [--bucket <name>] [--json | --markdown]

${targetUsage}
  --bucket        a bucket to work in, below airlock-probe/; without it the probe makes a bucket of its own
  --json          for programs
  --markdown      for docs/object-stores.md

What the probe makes it removes again. Exit code 0: everything is there that Airlock can't do without.`,

  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { ...targetOptions, bucket: { type: 'string' }, json: { type: 'boolean' }, markdown: { type: 'boolean' } },
    })
    const target = readTarget(io.env, values)
    io.err(`Probing ${nameOf(target)} …`)
    const lines = await onScratchBucket(target, { givenBucket: values.bucket, onLeft: io.err }, runAll)
    io.out(values.json ? asJson(lines) : values.markdown ? asMarkdown(lines) : asText(lines))
    return lines.some(isFatal) ? 1 : 0
  },
}

/** One after the other, so that a store's slowness in one does not colour the next. Each runs, whatever became of those before. */
async function runAll(scratch: ScratchBucket): Promise<Line[]> {
  const lines: Line[] = []
  for (const check of checks) {
    const finding = await check.try(scratch).catch((error): Finding => missing(inShort(error)))
    lines.push(lineOf(check, finding))
  }
  return lines
}
