/** Exits as after an unhandled error. */
process.on('message', (message: { kind: string }) => {
  if (message.kind === 'bytes') process.exit(7)
})
