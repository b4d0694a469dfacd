import type { Measurement } from '../results.ts'
import { short } from './tables.ts'

/** Draws values of measurements as SVGs, for light and dark pages. */

/** Bars below each other. */
interface Panel {
  readonly title: string
  readonly better: 'longer is better' | 'shorter is better'
  readonly bars: readonly Bar[]
}

interface Bar {
  readonly name: string
  /** undefined if it was not measured. */
  readonly value: number | undefined
  readonly isAirlock: boolean
}

const size = { panel: 380, labels: 140, bar: 16, row: 22, title: 44, gap: 16 } as const

/** Throughput and CPU time of all contestants. @returns null unless all measurements of the chart are there */
export function contestantsChart(measurements: readonly Measurement[]): string | null {
  const panels = ['200 MiB', '1 MiB', '64 KiB'].flatMap((title): Panel[] => {
    const per = title === '200 MiB' ? 'MiB' : 'file'
    const rows = measurements.find((measurement) => measurement.title === title)?.rows ?? []
    const bars = (value: string): Bar[] =>
      rows.map(({ name, values }) => ({ name, value: values[value]?.median, isAirlock: name === 'Airlock' }))
    const [speed, cpu] = [per === 'MiB' ? 'MiB/s' : 'files/s', `CPU ms per ${per}`]
    return [
      { title: `${title}: ${speed}`, better: 'longer is better', bars: bars(speed) },
      { title: `${title}: ${cpu}`, better: 'shorter is better', bars: bars(cpu) },
    ]
  })
  return chart('Throughput and CPU time of uploads', panels)
}

/** How Airlock's values change with the number of clients and of rows. @returns null unless all measurements of the chart are there */
export function growthChart(measurements: readonly Measurement[]): string | null {
  const medianOf = (title: string, row: string, value: string) =>
    measurements.find((measurement) => measurement.title === title)?.rows.find(({ name }) => name === row)?.values[value]?.median
  const clients = (value: string): Bar[] =>
    ['1 client', '10 clients', '100 clients'].map((name) => ({
      name,
      value: medianOf(`64 KiB, ${name}`, 'Airlock', value),
      isAirlock: true,
    }))
  const assets = (value: string): Bar[] =>
    ['1,000', '100,000', '1,000,000'].map((count) => ({
      name: `${count} assets`,
      value: medianOf('Assets in the database', count, value),
      isAirlock: true,
    }))
  return chart('Throughput and latency with more clients and more assets', [
    { title: '64 KiB: files/s', better: 'longer is better', bars: clients('files/s') },
    { title: '64 KiB: CPU ms per file', better: 'shorter is better', bars: clients('CPU ms per file') },
    { title: 'Pictures of 60 kB, whole path: uploads/s', better: 'longer is better', bars: assets('uploads/s') },
    { title: 'Page of 100 assets: p99, ms', better: 'shorter is better', bars: assets('page p99, ms') },
  ])
}

function chart(title: string, panels: readonly Panel[]): string | null {
  if (panels.some(({ bars }) => bars.length < 3 || bars.some(({ value }) => value === undefined))) return null
  const height = size.title + Math.max(...panels.map(({ bars }) => bars.length)) * size.row + size.gap
  const drawn = panels.map((panel, index) => {
    const [x, y] = [(index % 2) * (size.panel + size.gap), Math.floor(index / 2) * height]
    return `<g transform="translate(${x} ${y})">${panelOf(panel)}</g>`
  })
  const width = 2 * size.panel + size.gap
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${(height * panels.length) / 2}" role="img" aria-label="${title}">
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.note{fill:#59636e}rect{fill:#9aa4af}.airlock{fill:#0b6e99}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}rect{fill:#6e7681}.airlock{fill:#4cc2f1}}
</style>
${drawn.join('\n')}
</svg>
`
}

function panelOf({ title, better, bars }: Panel): string {
  const longest = Math.max(...bars.map(({ value = 0 }) => value))
  const room = size.panel - size.labels - 60 // for the number after the bar
  const drawn = bars.map(({ name, value = 0, isAirlock }, index) => {
    const y = size.title + index * size.row
    const length = Math.max(1, (value / longest) * room)
    return [
      `<text x="${size.labels - 8}" y="${y + 13}" text-anchor="end">${name}</text>`,
      `<rect x="${size.labels}" y="${y}" width="${length.toFixed(1)}" height="${size.bar}" rx="2"${isAirlock ? ' class="airlock"' : ''}/>`,
      `<text x="${(size.labels + length + 6).toFixed(1)}" y="${y + 13}">${short(value)}</text>`,
    ].join('')
  })
  return `<text class="title" x="0" y="16">${title}</text><text class="note" x="0" y="34">${better}</text>${drawn.join('')}`
}
