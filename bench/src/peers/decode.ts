import { readFileSync } from 'node:fs'
import sharp from 'sharp'

/**
 * A program: decodes a picture with sharp alone, as often as its second argument tells, and prints the CPU time of one decoding in ms. It is the least that an
 * inspection of all pixels can cost.
 */

const [file = '', times = '1'] = process.argv.slice(2)
const bytes = readFileSync(file)
const decode = () => sharp(bytes).raw().toBuffer()

for (let warmUp = 0; warmUp < 5; warmUp++) await decode()
const before = process.cpuUsage()
for (let time = 0; time < Number(times); time++) await decode()
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${(user + system) / 1000 / Number(times)}\n`)
