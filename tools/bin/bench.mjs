// `npm run bench`. Runs before packages are installed: plain JavaScript for Node 20, only with Node's modules.
import { parseArgs } from 'node:util'
import { installAndRun } from './install.mjs'

const help = `Measures Airlock beside what people would use instead, on this machine.

Usage: npm run bench -- [--quick] [--check] [--only TITLE] [--rounds N]

  --quick        fewer measurements and files, in less than 90 seconds; writes no results
  --check        exit code 1 if CPU time or memory is beyond its guard
  --only TITLE   only measurements whose titles contain TITLE; writes no results
  --rounds N     rounds of each measurement (5)
  --help         print this

Without --quick and --only it writes bench/results/<date>.json and two charts in docs/images.
It needs Linux, because it reads CPU time and memory from /proc.`

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  try {
    const flag = { type: 'boolean', default: false }
    const text = { type: 'string' }
    const { help: wantsHelp, ...given } = parseArgs({
      args,
      options: { quick: flag, check: flag, only: text, rounds: text, help: flag },
    }).values
    const { rounds = '5', only = '' } = given
    if (!/^[1-9]\d?$/.test(rounds)) throw new Error(`--rounds is '${rounds}': a whole number from 1 to 99`)
    if (wantsHelp) {
      process.stdout.write(`${help}\n`)
      return 0
    }
    if (process.platform !== 'linux') throw new Error(`This is ${process.platform}: CPU time and memory are read from /proc of Linux`)
    return await installAndRun('npm run bench', 'bench/src/main.ts', [JSON.stringify({ ...given, only, rounds: Number(rounds) })])
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help}\n`)
    return 2
  }
}
