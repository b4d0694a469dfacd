import { describe } from 'vitest'
import { copyContract } from './copy.ts'
import { housekeepingContract } from './housekeeping.ts'
import { presignContract } from './presign.ts'
import { readContract } from './read.ts'
import { receiveContract } from './receive.ts'
import { benchFor, type StoreUnderTest } from './store-under-test.ts'

/** The behaviour that Airlock requires of every store; the same tests run against each. */
export function objectStoreContract(under: StoreUnderTest): void {
  describe(`the object store on ${under.name}`, () => {
    const bench = benchFor(under)
    receiveContract(bench)
    readContract(bench)
    copyContract(bench)
    presignContract(bench)
    housekeepingContract(bench)
  })
}
