/** The unrestricted program for `attempts.ts`, in which all attempts succeed. */
process.send?.({ kind: 'ready' })
process.on('message', () => {})
