/** Ends as a program does that meets an error which nobody handles. */
process.on('message', (message: { kind: string }) => {
  if (message.kind === 'bytes') process.exit(7)
})
