/** Uses 0.4 s of CPU time for each file, and then continues as usual. */
process.on('message', (message: { kind: string }) => {
  if (message.kind !== 'inspect') return
  const start = process.cpuUsage()
  const burnt = () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }
  while (burnt() < 0.4);
})
