/**
 * Replaces Mermaid flow charts by lists of their arrows, `gateway → S3: bytes`. A forge draws them; a site would need a library of 70 MB for two charts.
 */
export const withoutDiagrams = (markdown: string): string =>
  markdown.replace(/^```mermaid\n([\s\S]*?)^```/gm, (_, chart) => arrowsOf(chart))

/** A node, `gateway`, `s3[("S3<br>quarantine/")]` or `client([client])`. */
const node = /([\w-]+)(?:(?:\[\(|\(\[|\[|\()"?(.*?)"?(?:\)\]|\]\)|\]|\)))?/
const arrow = new RegExp(`^\\s*${node.source}\\s+--\\s+"(.*?)"\\s+-->\\s+${node.source}`)

function arrowsOf(chart: string): string {
  const names = new Map<string, string>()
  const nameOf = (id: string, label: string | undefined): string => {
    if (label !== undefined) names.set(id, label.replace(/<br>/, ' (').replaceAll('<br>', ', ').replace(/\(.*$/, '$&)'))
    return names.get(id) ?? id
  }
  const arrows = chart.split('\n').flatMap((line) => {
    const [, from = '', fromLabel, text, to = '', toLabel] = arrow.exec(line) ?? []
    return text === undefined ? [] : [{ from, fromLabel, text, to, toLabel }]
  })
  // labels may follow the first use of a node
  for (const { from, fromLabel, to, toLabel } of arrows)
    for (const [id, label] of [
      [from, fromLabel],
      [to, toLabel],
    ] as const)
      nameOf(id, label)
  return arrows.map(({ from, text, to }) => `- **${names.get(from) ?? from}** → **${names.get(to) ?? to}**: ${text}`).join('\n')
}
