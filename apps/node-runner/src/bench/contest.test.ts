import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { g3, TINY, type RunningOptions } from '../testing/g3.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-contest-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A stand-in for node-llama-cpp: `evaluate` is the body of its async generator, `load` what loading does first. */
function standIn({ load = '', evaluate = '' }: { load?: string; evaluate?: string }) {
  const peers = mkdtempSync(join(folder, 'peers-'))
  /** Where the peer writes which process it is, when it is asked for tokens. */
  const pidFile = join(peers, 'pid')
  const write = (path: string, text: string): void => {
    const file = join(peers, 'node_modules', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const system = process.platform === 'win32' ? 'win' : 'linux'
  const binary = process.platform === 'darwin' ? (process.arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64') : undefined
  write(`@node-llama-cpp/${binary ?? `${system}-${process.arch}`}/package.json`, '{}')
  write('node-llama-cpp/package.json', '{"name":"node-llama-cpp","type":"module","exports":"./index.js"}')
  write(
    'node-llama-cpp/index.js',
    `import { writeFileSync } from 'node:fs'
    const sequence = {
      async clearHistory() {},
      async *evaluate() { writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); ${evaluate} },
    }
    export const getLlama = async () => ({
      async loadModel() { ${load}; return { createContext: async () => ({ getSequence: () => sequence }) } },
      async dispose() {},
    })`,
  )
  return { env: { G3_PEERS: peers }, pidFile }
}

const WORKS = 'for (;;) yield 1'
const LOOPS = 'for (;;);'

const SHORT = ['bench', '--model', TINY, '--prompt', '8', '--generate', '2', '--repeat', '2', '--json'] as const

const contest = (options: RunningOptions, ...flags: string[]) =>
  g3([...SHORT, '--peers', 'node-llama-cpp', ...flags], options)

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('a peer is measured by turns with g3', async () => {
  const { code, stdout, stderr } = await contest(standIn({ evaluate: WORKS }))
  expect(code).toBe(0)
  const { g3: ours, peers, ratios, failures } = JSON.parse(stdout)
  const theirs = peers['node-llama-cpp']
  expect(ratios['node-llama-cpp'].decode).toBeCloseTo(ours.decode[1] / theirs.decode[1], 1)
  expect(failures).toEqual({})
  const turns = [...stderr.matchAll(/^(\d\/2) (\S+):/gm)].map(([, turn, name]) => `${turn} ${name}`)
  expect(turns).toEqual(['1/2 g3', '1/2 node-llama-cpp', '2/2 node-llama-cpp', '2/2 g3'])
})

describe('a peer that fails is named, and g3 is measured all the same', () => {
  it.each([
    ['throws while it loads', { load: 'throw new Error("no such model")' }, 'bench/engine-failed', /no such model/],
    ['throws in a round', { evaluate: 'throw new Error("out of luck")' }, 'bench/engine-failed', /out of luck/],
    ['stops early', { evaluate: 'yield 1' }, 'bench/engine-failed', /1 tokens came where 3 were asked for/],
    ['dies', { evaluate: 'process.exit(3)' }, 'bench/engine-died', /ended with code 3/],
    ['is killed', { evaluate: 'process.kill(process.pid, "SIGKILL")' }, 'bench/engine-died', /ended with SIGKILL/],
    ['hangs', { evaluate: LOOPS }, 'bench/engine-hung', /no answer in 6 s/],
  ])('one that %s', async (_, parts, errorCode, message) => {
    const { env, pidFile } = standIn(parts)
    const { code, stdout, stderr } = await contest({ env }, '--timeout', '6')
    const { g3: ours, peers, ratios, failures } = JSON.parse(stdout)
    expect(code).toBe(1)
    expect(ours.decode[0]).toBeGreaterThan(0)
    expect({ peers, ratios }).toEqual({ peers: {}, ratios: {} })
    expect(failures).toEqual({ 'node-llama-cpp': { code: errorCode, message: expect.stringMatching(message) } })
    expect(stderr).toMatch(message)
    expect(existsSync(pidFile) && isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
  })
})

it('Ctrl-C leaves no process behind, not even one that hears nothing', async () => {
  const { env, pidFile } = standIn({ evaluate: LOOPS })
  const isAsked = (): boolean => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== ''
  const ended = await contest({
    env,
    onStart: async (child) => {
      while (!isAsked() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
      child.kill('SIGINT')
    },
  })
  expect(ended).toMatchObject({ code: 130, stdout: '' })
  expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
})
