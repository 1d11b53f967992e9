import { isG3Error } from '@g3/backend'
import { loadModel, type WorkerLoadOptions, type WorkerModel } from '@g3/runtime/worker'

const PROGRAM = '/worker-program.js'
const dedicated = (): Worker => new Worker(PROGRAM, { type: 'module' })

export interface AnswerCall {
  readonly file: string
  readonly prompt: readonly number[]
  readonly threads: number
  readonly tokens: number
}

export interface AnswerReport {
  readonly ids: readonly number[]
  readonly threads: number
  /** The longest time between two turns of the page, in ms, while it loaded, while nothing ran, while an answer came. */
  readonly longest: { readonly load: number; readonly idle: number; readonly answer: number }
  /** What a call came to whose worker was terminated. */
  readonly afterEnd: string
}

/** The longest time between two turns of this thread while some work goes on. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const { port1, port2 } = new MessageChannel()
  let last = performance.now()
  let longest = 0
  port1.onmessage = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    port2.postMessage(undefined)
  }
  port2.postMessage(undefined)
  await work()
  port1.close()
  return longest
}

const options = (file: string, threads: number): Omit<WorkerLoadOptions, 'worker'> => ({
  source: file,
  context: 512,
  backend: { backend: 'cpu', threads, precision: 'exact' },
})

/** Answers in a dedicated worker, and tells how free the page was meanwhile. */
export async function answer({ file, prompt, threads, tokens }: AnswerCall): Promise<AnswerReport> {
  const worker = dedicated()
  let model: WorkerModel | undefined
  const load = await longestTurn(async () => {
    model = await loadModel({ worker, ...options(file, threads) })
  })
  if (model === undefined) throw new Error('nothing was loaded')
  const loaded = model
  const idle = await longestTurn(() => new Promise((resolve) => setTimeout(resolve, 300)))
  const ids: number[] = []
  const written = await longestTurn(async () => {
    const run = loaded.generate(Int32Array.from(prompt), { temperature: 0, maxTokens: tokens, stop: [] })
    for await (const { id } of run) if (id !== undefined) ids.push(id)
  })
  const waiting = loaded.generate(Int32Array.from(prompt), { temperature: 0, maxTokens: 400 }).result()
  worker.terminate()
  const afterEnd = await waiting.then(
    () => 'a result',
    (error: unknown) => (isG3Error(error) ? error.code : String(error)),
  )
  return { ids, threads: loaded.backend.threads, longest: { load, idle, answer: written }, afterEnd }
}

export interface ShareReport {
  /** Of this tab and of the other, written at the same time. */
  readonly ids: readonly (readonly number[])[]
  /** Of the load in the other tab: none, for the model was there. */
  readonly progress: number
  readonly description: string
  /** Whether another model could take the name when both tabs had gone. */
  readonly released: boolean
}

type Say =
  | { readonly kind: 'ready'; readonly progress: number }
  | { readonly kind: 'go' }
  | { readonly kind: 'done'; readonly ids: readonly number[] }

const shared = (file: string, more: Partial<WorkerLoadOptions> = {}): Promise<WorkerModel> => {
  const worker = (): SharedWorker => new SharedWorker(PROGRAM, { type: 'module', name: 'g3' })
  return loadModel({ worker, ...options(file, 1), sequences: 2, share: 'tiny', ...more })
}

/** Loads a model that two tabs share. The second tab, which this opens, runs the same function. */
export async function share({ file, prompt, tokens }: Omit<AnswerCall, 'threads'>): Promise<ShareReport> {
  const line = new BroadcastChannel('tabs')
  const say = (message: Say): void => line.postMessage(message)
  const heard = <Kind extends Say['kind']>(kind: Kind): Promise<Extract<Say, { kind: Kind }>> =>
    new Promise((resolve) =>
      line.addEventListener('message', ({ data }) => {
        if (data.kind === kind) resolve(data)
      }),
    )
  const write = async (model: WorkerModel): Promise<readonly number[]> =>
    (await model.generate(Int32Array.from(prompt), { temperature: 0, maxTokens: tokens, stop: [] }).result()).ids

  if (location.search === '?tab') {
    let progress = 0
    const model = await shared(file, { onProgress: () => progress++ })
    const go = heard('go')
    say({ kind: 'ready', progress })
    await go
    say({ kind: 'done', ids: await write(model) })
    // It is closed without a word, and reports nothing to the server.
    return new Promise(() => {})
  }
  const model = await shared(file)
  const ready = heard('ready')
  const tab = window.open('/?tab')
  const { progress } = await ready
  const done = heard('done')
  say({ kind: 'go' })
  const [mine, theirs] = await Promise.all([write(model), done])
  const { description } = model.backend
  tab?.close()
  // What the other tab had ends with it; then the name is free.
  await model[Symbol.asyncDispose]()
  let released = false
  for (let round = 0; round < 100 && !released; round++) {
    released = await shared(file, { context: 128 }).then(
      () => true,
      () => false,
    )
    if (!released) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { ids: [mine, theirs.ids], progress, description, released }
}
