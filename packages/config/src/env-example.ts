import { type Variable, variableNames, variables } from './variables.ts'

/** The text of `.env.example`: every variable with its default, one line of explanation each. */
export function envExample(): string {
  const entries = variableNames.map((name) => {
    const { about, default: preset, example }: Variable<unknown> = variables[name]
    return `# ${about}${preset === undefined ? ' (required)' : ''}\n${name}=${preset || example || ''}\n`
  })
  return ['# Copy to .env and change what differs. Written by `npm run docs`; a test compares it with the code.\n', ...entries].join('\n')
}

/** The table of `docs/configuration.md`, in Markdown. */
export function configurationTable(): string {
  const rows = variableNames.map((name) => {
    const { about, default: preset }: Variable<unknown> = variables[name]
    return `| \`${name}\` | ${preset === undefined ? 'required' : preset === '' ? 'empty' : `\`${preset}\``} | ${about} |`
  })
  return ['| variable | default | what it is |', '| --- | --- | --- |', ...rows].join('\n')
}
