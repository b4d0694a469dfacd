import { pino } from 'pino'
import { BufferedLines } from '../src/index.ts'

/** Logs two lines and ends in the way of its argument. */
const log = pino({ level: 'info' }, new BufferedLines(pino.destination({ dest: 1, sync: true })))
log.info('first')
log.info('last')
if (process.argv[2] === 'exit') process.exit(3)
if (process.argv[2] === 'throw') throw new Error('not caught')
