import type { Backend } from '@g3/backend'
import { conformance, type ConformanceOptions } from '@g3/backend/test'
import { webgpu } from '@g3/kernels-webgpu'
import { TOLERANCES } from '@g3/kernels-webgpu/test'
import { loadModel } from '@g3/runtime'
import { chooseBackend, type Choice } from '@g3/runtime/auto'
import { browserBench, type BrowserReport } from '../bench/webgpu/browser-bench.js'

/** Which backend `auto` takes in this page. */
export const chooseHere = (): Promise<Choice> => chooseBackend({})

/** What a model file is run on. */
export interface ModelCall {
  /** Path that the page fetches. */
  readonly file: string
  readonly prompt: readonly number[]
  readonly tokens: number
}

/** What it wrote, and its logits after the prompt. */
export interface ModelResult {
  readonly adapter: string
  readonly ids: readonly number[]
  readonly logits: readonly number[]
}

/** Runs a model file as a user's page does. */
export async function runModel({ file, prompt, tokens }: ModelCall): Promise<ModelResult> {
  const ids = Int32Array.from(prompt)
  let adapter = ''
  const open = async (): Promise<Backend> => {
    // The check compiles another layer, which takes SwiftShader as long as the model.
    const backend = await webgpu({ selfCheck: false })
    adapter = backend.caps.description
    return backend
  }
  await using model = await loadModel({ source: await (await fetch(file)).blob(), backend: open })
  const logits = Array.from(await model.logits(ids))
  const { ids: written } = await model.generate(ids, { temperature: 0, maxTokens: tokens }).result()
  return { adapter, ids: written, logits }
}

export interface SuiteCall {
  /** Names of the parts that are run; all of them by default. */
  readonly parts?: readonly string[]
  readonly types: ConformanceOptions['types']
  readonly subgroups: boolean
}

export interface SuiteResult {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
}

/** Runs the conformance suite, or parts of it. */
export async function runSuite({ parts, types, subgroups }: SuiteCall): Promise<SuiteResult> {
  const tests: (readonly [name: string, body: () => Promise<void>])[] = []
  let within = ''
  const describe = (name: string, body: () => void): void => {
    const outer = within
    if (outer === '' && parts !== undefined && !parts.includes(name)) return
    within = outer === '' ? name : `${outer}, ${name}`
    body()
    within = outer
  }
  const it = (name: string, body: () => Promise<void>): void => void tests.push([`${within}: ${name}`, body])
  conformance(
    () => webgpu({ subgroups, selfCheck: false }),
    { describe, it },
    {
      tolerances: TOLERANCES,
      batchInvariant: true,
      ...(types && { types }),
    },
  )
  const passed: string[] = []
  const failed: string[] = []
  for (const [name, body] of tests) {
    await body().then(
      () => passed.push(name),
      (error: unknown) => failed.push(`${name}: ${String(error)}`),
    )
  }
  return { passed, failed }
}

/** Measures a model file as the page of `g3 bench --page` does. */
export async function runBench(file: string): Promise<BrowserReport> {
  const model = new File([await (await fetch(file)).blob()], file)
  return browserBench(model, { prompt: 8, generate: 4, repeat: 2, onStep: () => {} })
}
