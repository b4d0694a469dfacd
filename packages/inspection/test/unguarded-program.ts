/** What `attempts.ts` is loaded into to show that they work where nothing is in their way. */
process.send?.({ kind: 'ready' })
process.on('message', () => {})
