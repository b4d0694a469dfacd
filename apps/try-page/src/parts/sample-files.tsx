import { useEffect, useState } from 'preact/hooks'
import { bytesText } from '../format.ts'
import type { Page } from '../page.ts'
import { listSamples, readSample, type Sample } from '../samples.ts'

/** The samples of the repository, good and bad, each one click away. */
export function SampleFiles({ page: { uploads, choice, health } }: { page: Page }) {
  const [samples, setSamples] = useState<readonly Sample[] | null>(null)
  const [problem, setProblem] = useState('')
  useEffect(() => {
    const load = () => {
      listSamples().then(setSamples, () => {})
    }
    load()
    // after an outage
    return health.state.subscribe(() => {
      if (health.state.get().is === 'ok') load()
    })
  }, [health])
  if (samples === null || samples.length === 0) return null
  const send = async (sample: Sample) => {
    setProblem('')
    try {
      const file = await readSample(sample)
      uploads.add([{ file, kind: sample.asset_type, sample: { file: sample.file, url: sample.url } }], choice.get())
    } catch (error) {
      setProblem(`'${nameOf(sample)}' could not be loaded: ${error instanceof Error ? error.message : error}`)
    }
  }
  const good = samples.filter(({ expected }) => expected === 'completed')
  const bad = samples.filter(({ expected }) => expected !== 'completed')
  return (
    <div class="samples">
      <h3>Or try a sample</h3>
      <Chips title="Good files" samples={good} onSend={send} />
      <Chips title="Bad files, which are refused" samples={bad} onSend={send} />
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}

const nameOf = ({ file }: Sample): string => file.slice(file.lastIndexOf('/') + 1)

function Chips({ title, samples, onSend }: { title: string; samples: readonly Sample[]; onSend: (sample: Sample) => void }) {
  return (
    <>
      <p class="chips-title">{title}</p>
      <ul class="chips">
        {samples.map((sample) => (
          <li key={sample.file}>
            <button type="button" class="chip" onClick={() => onSend(sample)} title={hintOf(sample)}>
              <bdi>{nameOf(sample)}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

const hintOf = ({ size_bytes, expected }: Sample): string =>
  `${bytesText(size_bytes)}, ${expected === 'completed' ? 'becomes an asset' : `ends as ${expected}`}`
