/** A program that lost one of its files. */
throw new Error('no such module')
