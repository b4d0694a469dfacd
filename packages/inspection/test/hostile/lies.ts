/** Returns the verdict of a video for every file. */
process.on('message', (message: { kind: string }) => {
  if (message.kind !== 'inspect') return
  const facts = { inspection_version: 4 }
  process.send?.({ kind: 'verdict', rssBytes: 0, inspection: { ok: true, mediaType: 'video/mp4', facts, inspectionVersion: 4 } })
})
