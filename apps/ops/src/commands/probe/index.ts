import { parseArgs } from 'node:util'
import type { Command } from '../../command.ts'
import { type Check, type Finding, missing } from './check.ts'
import { copyingChecks } from './checks/copying.ts'
import { directChecks } from './checks/direct.ts'
import { keyChecks } from './checks/keys.ts'
import { presigningChecks } from './checks/presigning.ts'
import { readingChecks } from './checks/reading.ts'
import { settingChecks } from './checks/settings.ts'
import { uploadChecks } from './checks/uploads.ts'
import { writingChecks } from './checks/writing.ts'
import { asJson, asMarkdown, asText, isFatal, type Line, lineOf } from './report.ts'
import { briefly, nameOf, readTarget, type S3Target, targetOptions, targetUsage } from './s3-target.ts'
import { onScratchBucket, type ScratchBucket } from './scratch-bucket.ts'

/** All capabilities that Airlock requires of a store or can use, in the order of the table. */
const checks: readonly Check[] = [
  ...writingChecks,
  ...uploadChecks,
  ...readingChecks,
  ...copyingChecks,
  ...presigningChecks,
  ...directChecks,
  ...keyChecks,
  ...settingChecks,
]

export const probeCommand: Command = {
  name: 'probe',
  summary: "check an S3 store's capabilities and print a table",
  usage: `[--endpoint <url>] [--access-key <id> --secret-key <secret>] [--region <region>] [--bucket <name>] [--json | --markdown]

${targetUsage}
  --bucket        an existing bucket to use, under airlock-probe/; default: a temporary bucket
  --json          prints JSON
  --markdown      prints the table for docs/object-stores.md

The probe removes everything that it creates.
Exit codes: 0 the store has all required capabilities, 1 it lacks one, or it refused a key, 2 invalid arguments.`,
  example: '--endpoint http://127.0.0.1:9000 --access-key admin --secret-key password --json',

  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { ...targetOptions, bucket: { type: 'string' }, json: { type: 'boolean' }, markdown: { type: 'boolean' } },
    })
    const target = readTarget(io.env, values)
    io.err(`Probing ${nameOf(target)} …`)
    const lines = await probeStore(target, { givenBucket: values.bucket, onLeft: io.err })
    io.out(values.json ? asJson(lines) : values.markdown ? asMarkdown(lines) : asText(lines))
    return lines.some(isFatal) ? 1 : 0
  },
}

/** Checks all capabilities. The options are those of `onScratchBucket`. */
export const probeStore = (
  target: S3Target,
  options: { givenBucket: string | undefined; onLeft: (text: string) => void },
): Promise<Line[]> => onScratchBucket(target, options, runAll)

/** Sequential, so that a slow check does not affect the next one. All checks run, whatever the results. */
async function runAll(scratch: ScratchBucket): Promise<Line[]> {
  const lines: Line[] = []
  for (const check of checks) {
    const finding = await check.try(scratch).catch((error): Finding => missing(briefly(error)))
    lines.push(lineOf(check, finding))
  }
  return lines
}
