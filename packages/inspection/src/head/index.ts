export * from './identify.ts'
export * from './inspect-contract.ts'
export * from './judge.ts'
