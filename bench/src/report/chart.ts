import type { Measurement } from '../results.ts'
import { short } from './tables.ts'

/** Draws values of measurements as an SVG, for light and dark pages. */

interface Panel {
  readonly measurement: string
  readonly value: string
  /** Below the title of the panel. */
  readonly better: 'longer is better' | 'shorter is better'
}

const panels: readonly Panel[] = ['200 MiB', '1 MiB', '64 KiB'].flatMap((measurement) => {
  const per = measurement === '200 MiB' ? 'MiB' : 'file'
  return [
    { measurement, value: per === 'MiB' ? 'MiB/s' : 'files/s', better: 'longer is better' },
    { measurement, value: `CPU ms per ${per}`, better: 'shorter is better' },
  ] as const
})

const size = { panel: 380, labels: 140, bar: 16, row: 22, title: 44, gap: 16 } as const

/** @returns null unless all measurements of the chart are there */
export function chart(measurements: readonly Measurement[]): string | null {
  const found = panels.map((panel) => ({ panel, rows: measurements.find(({ title }) => title === panel.measurement)?.rows ?? [] }))
  const most = Math.max(...found.map(({ rows }) => rows.length))
  if (found.some(({ rows }) => rows.length < 3)) return null
  const height = size.title + most * size.row + size.gap
  const drawn = found.map(({ panel, rows }, index) => {
    const [x, y] = [(index % 2) * (size.panel + size.gap), Math.floor(index / 2) * height]
    const values = rows.map(({ name, values: all }) => ({ name, value: all[panel.value]?.median ?? 0 }))
    return `<g transform="translate(${x} ${y})">${panelOf(panel, values)}</g>`
  })
  const width = 2 * size.panel + size.gap
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${(height * panels.length) / 2}" role="img" aria-label="Throughput and CPU time of uploads">
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.note{fill:#59636e}rect{fill:#9aa4af}.airlock{fill:#0b6e99}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}rect{fill:#6e7681}.airlock{fill:#4cc2f1}}
</style>
${drawn.join('\n')}
</svg>
`
}

function panelOf({ measurement, value, better }: Panel, rows: readonly { name: string; value: number }[]): string {
  const longest = Math.max(...rows.map((row) => row.value))
  const room = size.panel - size.labels - 60 // for the number after the bar
  const bars = rows.map((row, index) => {
    const y = size.title + index * size.row
    const length = Math.max(1, (row.value / longest) * room)
    return [
      `<text x="${size.labels - 8}" y="${y + 13}" text-anchor="end">${row.name}</text>`,
      `<rect x="${size.labels}" y="${y}" width="${length.toFixed(1)}" height="${size.bar}" rx="2"${row.name === 'Airlock' ? ' class="airlock"' : ''}/>`,
      `<text x="${(size.labels + length + 6).toFixed(1)}" y="${y + 13}">${short(row.value)}</text>`,
    ].join('')
  })
  return `<text class="title" x="0" y="16">${measurement}: ${value}</text><text class="note" x="0" y="34">${better}</text>${bars.join('')}`
}
