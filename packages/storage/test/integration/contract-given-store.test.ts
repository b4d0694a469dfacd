import { givenStack } from '@airlock/stack/testing'
import { objectStoreContract } from '../contract/object-store-contract.ts'
import { abilitiesOfEmulator, everyAbility } from '../contract/store-under-test.ts'

const { s3 } = givenStack()

objectStoreContract({ name: s3.kind, can: s3.kind === 'fauxqs' ? abilitiesOfEmulator : everyAbility, address: async () => s3 })
