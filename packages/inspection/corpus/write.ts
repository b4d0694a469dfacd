import { corpusFolder } from './cache.ts'

/** Writes the corpus if it is missing, and prints its folder. */
process.stdout.write(`${await corpusFolder()}\n`)
