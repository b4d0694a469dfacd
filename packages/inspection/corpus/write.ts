import { corpusFolder } from './cache.ts'

/** Writes the corpus, if it is not there yet, and says where. */
process.stdout.write(`${await corpusFolder()}\n`)
