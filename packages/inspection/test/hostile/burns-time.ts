/** Burns processor time without ever giving its event loop a turn. */
process.on('message', (message: { kind: string }) => {
  if (message.kind === 'inspect') for (;;);
})
