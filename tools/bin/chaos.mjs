// `npm run chaos`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { parseArgs } from 'node:util'
import { installAndRun } from './install.mjs'

const help = `Sends files through Airlock during faults of processes, servers and connections, and checks that nothing accepted is lost.

Usage: npm run chaos -- [--seed N] [--seconds S]

  --seed N       determines the faults and their times (1)
  --seconds S    duration of the faults (30)
  --help         print this`

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  try {
    const options = { seed: { type: 'string', default: '1' }, seconds: { type: 'string', default: '30' }, help: { type: 'boolean' } }
    const { help: wantsHelp, ...numbers } = parseArgs({ args, options }).values
    for (const [name, value] of Object.entries(numbers)) {
      if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`--${name} is '${value}': a whole number from 1 on`)
    }
    if (!wantsHelp) return await installAndRun('npm run chaos', 'tests/chaos/main.ts', [numbers.seed, numbers.seconds])
    process.stdout.write(`${help}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help}\n`)
    return 2
  }
}
