import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { programInPath } from '@airlock/dev-servers'
import { dot, largeScene } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { widthOf } from '../../src/text.ts'
import { main, project, test } from '../airlock-user.ts'

const python = programInPath('python3')
if (python === null) process.stderr.write('skipped: tests of the command line in a terminal need python3, which is not installed\n')

/** Runs a program in a pseudo-terminal of 80 columns, and prints what it writes. */
const inTerminal = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        written = os.read(terminal, 65536)
    except OSError:
        break
    sys.stdout.buffer.write(written)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

const esc = '\u001b'
const escapes = new RegExp(`${esc}\\[[?\\d;]*[a-zA-Z]`, 'g')

test.skipIf(python === null)(
  'in a terminal of 80 columns each file has a line with a bar, which becomes its verdict',
  async ({ user, worker: _ }) => {
    const folder = join(user.folder, 'shown')
    mkdirSync(folder)
    const [large, evil] = [`${'a long name '.repeat(12)}.mp4`, `evil${esc}]0;title\u0007${esc}[2J.png`]
    writeFileSync(join(folder, large), largeScene(40 * 2 ** 20).bytes)
    writeFileSync(join(folder, evil), dot.bytes)
    writeFileSync(join(folder, 'dot.png'), dot.bytes)
    const command = [process.execPath, main, 'upload', '.', '--project', project]
    const run = (env: NodeJS.ProcessEnv) =>
      promisify(execFile)(python ?? '', ['-c', inTerminal, ...command], {
        cwd: folder,
        env: { ...user.env, TERM: 'xterm', ...env },
      }).catch((error) => error)
    const { stdout, code } = (await run({})) as { stdout: string; code: number }

    expect(code, stdout).toBe(1)
    const lines = stdout.replace(escapes, '').split(/[\r\n]+/)
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(80)
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}a long name a .*mp4 {2}━*─* +\d+% +\S+ of 40 MiB/))
    expect(lines).toContainEqual(expect.stringMatching(/inspecting, \d+ s$/))
    expect(lines).toContainEqual(expect.stringMatching(/^✓ dot\.png {2}brand-images\/\S+_dot\.png$/))
    expect(lines).toContainEqual(expect.stringMatching(/^✗ evil\ufffd\]0;title\ufffd\ufffd\[2J\.png {2}filename_invalid$/))
    expect(lines.at(-2)).toBe('2 of 3 files are assets, 1 was refused.')
    // nothing of the name reaches the terminal, and the cursor is shown again
    expect(stdout).not.toContain(`${esc}]0`)
    expect(stdout).not.toContain(`${esc}[2J.`)
    expect(stdout.lastIndexOf(`${esc}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${esc}[?25l`))
    expect(stdout).toContain(`${esc}[32m✓`)

    const again = (await run({ NO_COLOR: '1' })) as { stdout: string }
    expect(again.stdout).toContain('Continuing an earlier run, which finished 2 files.')
    expect(again.stdout).not.toMatch(new RegExp(`${esc}\\[\\d+m`))
  },
)
