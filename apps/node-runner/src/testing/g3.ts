import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The command as built: `npm test` builds it first. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** A model with random weights, 512 pieces and a context of 1,024; made for the tests of the runtime. K-quants need the wider `tinyk`. */
export const tinyModel = (type: string, family: 'tiny' | 'tinyk' = 'tiny'): string =>
  fileURLToPath(new URL(`../../../../packages/runtime/fixtures/tiny-random/${family}-text-${type}.gguf`, import.meta.url))

export const TINY = tinyModel('q8_0')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: NodeJS.ProcessEnv
  /** Called at once. */
  readonly onStart?: (child: ChildProcess) => void
  /** Called with each piece of stdout. */
  readonly onStdout?: (child: ChildProcess, text: string) => void
}

/** Runs `g3` as its users do, with a cache of its own, and waits for its end. Nothing here may reach the network. */
export function g3(args: readonly string[], { stdin = '', env = {}, onStart, onStdout }: RunningOptions = {}): Promise<Ended> {
  const cache = mkdtempSync(join(tmpdir(), 'g3-cli-'))
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, G3_CACHE: cache, G3_HUB: 'http://127.0.0.1:9', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      onStdout?.(child, text)
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.stdin.on('error', () => {}).end(stdin)
    child.on('error', reject)
    onStart?.(child)
    child.on('close', (code) => {
      rmSync(cache, { recursive: true, force: true })
      resolve({ code, stdout, stderr })
    })
  })
}
