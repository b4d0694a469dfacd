import { createInterface } from 'node:readline/promises'
import { errorLine, errorText } from '@airlock/config'
import type { CommandIo } from './command.ts'
import { commands } from './command-table.ts'
import { dispatch } from './dispatch.ts'
import { settingsOf } from './stack-settings.ts'

const out: CommandIo['out'] = (text) => process.stdout.write(`${text}\n`)
const err: CommandIo['err'] = (text) => process.stderr.write(`${text}\n`)

/** Standard output may be a file or a pipe while a person answers on the terminal. */
const ask = async (question: string): Promise<string> => {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true

// Node's own report would include the context that drivers attach to errors, such as commands with their arguments.
process.on('uncaughtException', (error) => {
  err(errorText(error))
  process.exit(1)
})

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    return await dispatch(commands, process.argv.slice(2), { env: settingsOf(process.env), out, err, ...(isTerminal && { ask }) })
  } catch (error) {
    err(errorLine(error))
    return 1
  }
}
