import { givenStack } from '@airlock/testkit'
import { objectStoreContract } from '../contract/object-store-contract.ts'

const { s3 } = givenStack()

objectStoreContract({ name: s3.kind, address: async () => s3 })
