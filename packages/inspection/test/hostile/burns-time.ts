/** Uses CPU time and blocks the event loop for ever. */
process.on('message', (message: { kind: string }) => {
  if (message.kind === 'inspect') for (;;);
})
