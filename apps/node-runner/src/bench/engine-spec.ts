import { InvalidArgumentError } from 'commander'
import type { BackendName } from '@g3/runtime/auto'
import { MOST_THREADS, PRECISIONS, wholeNumber, type Precision } from '../options.js'

export const ENGINES = ['g3', 'node-llama-cpp', 'wllama'] as const
export type EngineName = (typeof ENGINES)[number]

/** An engine and how it is to run. What is left out is the engine's own default. */
export interface EngineSpec {
  readonly name: EngineName
  /** Default: as the engine has that the others are compared with, if it can. */
  readonly backend?: BackendName
  /** A page in the headless Chromium that wllama runs in, too. Default: Node, for what can run there. */
  readonly host?: 'chromium'
  readonly precision?: Precision
  /** Without relaxed SIMD. */
  readonly simd?: 'plain'
  /** Default: as many as the others have. */
  readonly threads?: number
}

/** How people write it, e.g. `g3:plain:threads=1`: equal engines have equal labels. */
export function labelOf({ name, backend, host, simd, precision, threads }: EngineSpec): string {
  const options = [backend, host, simd, precision, threads === undefined ? undefined : `threads=${threads}`]
  return [name, ...options.filter((option) => option !== undefined)].join(':')
}

/** Parses engines with commas between them; twice counts once. @throws InvalidArgumentError */
export function parseEngines(text: string): EngineSpec[] {
  const engines = new Map<string, EngineSpec>()
  for (const item of text.split(',')) {
    const spec = parseEngine(item.trim())
    engines.set(labelOf(spec), spec)
  }
  return [...engines.values()]
}

function parseEngine(text: string): EngineSpec {
  const [name, ...options] = text.split(':')
  const known = ENGINES.find((engine) => engine === name)
  if (!known) throw new InvalidArgumentError(`It must be some of ${ENGINES.join(', ')}, with commas between them.`)
  let spec: EngineSpec = { name: known }
  for (const option of options) {
    const setting = parseOption(known, option)
    if (Object.keys(setting).some((key) => key in spec))
      throw new InvalidArgumentError(`${text}: ${option} says anew what was said before it.`)
    spec = { ...spec, ...setting }
  }
  return spec
}

function parseOption(name: EngineName, option: string): Omit<EngineSpec, 'name'> {
  const threads = /^threads=(.*)$/.exec(option)
  if (threads) return { threads: wholeNumber(1, MOST_THREADS)(threads[1]) }
  const precision = PRECISIONS.find((kind) => kind === option)
  if (name === 'g3' && precision) return { precision }
  if (name === 'g3' && option === 'plain') return { simd: 'plain' }
  if (name === 'g3' && option === 'chromium') return { host: 'chromium' }
  if (name !== 'node-llama-cpp' && (option === 'cpu' || option === 'webgpu')) return { backend: option }
  throw new InvalidArgumentError(`${name} takes the options ${WORDS[name]}, and ${JSON.stringify(option)} is none.`)
}

const WORDS: Readonly<Record<EngineName, string>> = {
  g3: `cpu, webgpu, chromium, plain, ${PRECISIONS.join(', ')}, threads=N`,
  'node-llama-cpp': 'threads=N',
  wllama: 'cpu, webgpu, threads=N',
}
