// `npm run test:long`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { fileURLToPath } from 'node:url'
import { install } from './install.mjs'
import { runWithOwnNode } from './own-node.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const program = fileURLToPath(new URL('../../tests/long/main.ts', import.meta.url))

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  try {
    await install(root, (line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    process.stderr.write(`npm run test:long failed: ${error.message}\n`)
    return error.exitCode ?? 1
  }
  return runWithOwnNode(root, program, args)
}
