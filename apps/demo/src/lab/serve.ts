import { failureOf } from '../app/failure.js'
import type { FromLab, FromPage, LabCalls, LabWorker } from './calls.js'
import { labModels } from './opened.js'

type Works = { readonly [Name in keyof LabCalls]: () => Promise<LabWorker<LabCalls[Name]>> }

/** What each call needs is fetched with the first of its kind. */
const WORKS: Works = {
  pieces: async () => (await import('../pages/tokenizer/pieces.js')).pieces,
  see: async () => (await import('../pages/vision/see.js')).see,
  look: async () => (await import('../pages/inside/look.js')).look,
  grow: async () => (await import('../pages/structured/grow.js')).grow,
  rounds: async () => (await import('../pages/bench/rounds.js')).rounds,
}

type AnyWork = (args: unknown, context: { signal: AbortSignal; tell: (item: unknown) => void }) => Promise<unknown>

/** Answers a page's calls, which come through a port: one after the other, since all share one thread and its models. */
export function serveLab(port: MessagePort): void {
  const models = labModels()
  const works = new Map<keyof LabCalls, AnyWork>()
  const aborts = new Map<number, AbortController>()
  let turn: Promise<void> = Promise.resolve()
  const reply = (message: FromLab): void => port.postMessage(message)

  // Which arguments go with which name is the page's side's type to know.
  const workOf = async (name: keyof LabCalls): Promise<AnyWork> => (await WORKS[name]())(models) as AnyWork

  const run = async (id: number, name: keyof LabCalls, args: unknown, signal: AbortSignal): Promise<void> => {
    try {
      signal.throwIfAborted()
      const work = works.get(name) ?? (await workOf(name))
      works.set(name, work)
      const result = await work(args, { signal, tell: (item) => reply({ kind: 'item', id, item }) })
      reply({ kind: 'done', id, result })
    } catch (error) {
      reply({ kind: 'failed', id, ...failureOf(error) })
    } finally {
      aborts.delete(id)
    }
  }

  port.addEventListener('message', ({ data }: MessageEvent<FromPage>) => {
    switch (data.kind) {
      case 'call': {
        const abort = new AbortController()
        aborts.set(data.id, abort)
        turn = turn.then(() => run(data.id, data.name, data.args, abort.signal))
        return
      }
      case 'abort':
        return aborts.get(data.id)?.abort()
      default:
        return data satisfies never
    }
  })
  port.start()
}
