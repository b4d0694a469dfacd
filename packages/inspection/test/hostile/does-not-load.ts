/** A program with a missing file. */
throw new Error('no such module')
