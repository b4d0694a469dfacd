import { type Variable, variableNames, variables } from './variables.ts'

/**
 * The text of `.env.example`: every variable with its default or an example, one line of explanation each. All of them are commented out,
 * so that a copy changes nothing, and a default that changes later is not held back by old copies.
 */
export function envExample(): string {
  const entries = variableNames.map((name) => {
    const { about, default: preset, example }: Variable<unknown> = variables[name]
    return `# ${about}${preset === undefined ? ' (required)' : ''}\n#${name}=${preset || example || ''}\n`
  })
  return [
    [
      '# Copy to .env and uncomment what differs; the environment wins over it. Lines with a # in front of the name are defaults or examples.',
      '# Written by `npm run docs`; a test compares it with the code.\n',
    ].join('\n'),
    ...entries,
  ].join('\n')
}

/** The table of `docs/configuration.md`, in Markdown. */
export function configurationTable(): string {
  const rows = variableNames.map((name) => {
    const { about, default: preset }: Variable<unknown> = variables[name]
    return `| \`${name}\` | ${preset === undefined ? 'required' : preset === '' ? 'empty' : `\`${preset}\``} | ${about} |`
  })
  return ['| variable | default | what it is |', '| --- | --- | --- |', ...rows].join('\n')
}
