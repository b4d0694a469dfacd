export * from './identify.ts'
export * from './judge.ts'
