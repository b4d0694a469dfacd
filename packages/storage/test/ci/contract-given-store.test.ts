import { givenStack } from '@airlock/testkit'
import { describe } from 'vitest'
import { clientWriteContract } from '../contract/client-writes.ts'
import { copyContract } from '../contract/copy.ts'
import { housekeepingContract } from '../contract/housekeeping.ts'
import { presignContract } from '../contract/presign.ts'
import { readContract } from '../contract/read.ts'
import { receiveContract } from '../contract/receive.ts'
import { benchFor, type StoreUnderTest } from '../contract/store-under-test.ts'

const { s3 } = givenStack()

objectStoreContract({ name: s3.kind, address: async () => s3 })

/** The behaviour that Airlock requires of every store; the same tests run against each. */
function objectStoreContract(under: StoreUnderTest): void {
  describe(`the object store on ${under.name}`, () => {
    const bench = benchFor(under)
    receiveContract(bench)
    readContract(bench)
    copyContract(bench)
    presignContract(bench)
    clientWriteContract(bench)
    housekeepingContract(bench)
  })
}
