import { check } from '@g3/backend'
import type { Chat } from '../session/session.js'
import type { Chunk } from '../generate/decode.js'
import type { Generation, GenerationResult } from '../generate/generation.js'
import type { GenerateOptions, Overflow } from '../generate/options.js'
import { holdLock, whenLetGo } from './alive.js'
import type { Answering, Handlers } from './answering.js'
import { VERSION, type GenerateEvent, type HostCalls, type PageCalls, type WireGenerate } from './calls.js'
import type { Held, heldModels, Use } from './held-models.js'
import { openFile, openSource, pageStream } from './page-files.js'
import { endedBy, peer, type Peer } from './peer.js'
import type { Port } from './port.js'
import { lentPictures, type LentPictures } from './wire-prompt.js'

interface Loaded extends Use {
  readonly pictures: LentPictures
  readonly chats: Map<number, Chat>
}

/** Serves a page on a line, until it goes. */
export function serveClient(port: Port, load: ReturnType<typeof heldModels>): void {
  const loaded = new Map<number, Loaded>()
  let count = 0
  let stopWatching = (): void => {}

  const used = (model: number): Loaded => {
    const found = loaded.get(model)
    check(found !== undefined, 'worker/disposed', 'this model was disposed')
    return found
  }
  const drop = async (model: number): Promise<void> => {
    const found = loaded.get(model)
    loaded.delete(model)
    await found?.release()
  }

  const handlers: Handlers<HostCalls> = {
    async hello({ version, line }, { signal }) {
      check(
        version === VERSION,
        'worker/protocol',
        () => `the page speaks version ${version} of the worker's protocol and the worker ${VERSION}: reload both`,
      )
      const letGo = await holdLock(`${line} worker`)
      const unwatch = whenLetGo(`${line} page`, () => page.end(endedBy('its page was closed')))
      stopWatching = () => {
        unwatch()
        letGo()
      }
      if (signal.aborted) stopWatching()
      return { version: VERSION }
    },
    async load(args, { signal, event }) {
      const { source, mmproj } = args
      const files = () => ({
        source: openSource(source, page),
        ...(mmproj !== undefined && { mmproj: mmproj && openFile(mmproj, page) }),
      })
      const use = await load(args, files, signal, event)
      const model = count++
      loaded.set(model, { ...use, pictures: lentPictures(), chats: new Map() })
      return { ...use.held.facts, model }
    },
    async generate({ model, prompt, options }, answering) {
      const { held, pictures } = used(model)
      const run = held.model.generate(pictures.received(prompt), await generateOptions(held, options, answering))
      return written(run, answering)
    },
    async chat({ model, chat, options }) {
      const { held, pictures, chats } = used(model)
      const { messages, ...rest } = options
      chats.set(chat, held.model.chat({ ...rest, ...(messages && { messages: pictures.messages(messages) }) }))
    },
    async send({ model, chat, system, content, options }, answering) {
      const { held, pictures, chats } = used(model)
      const conversation = chats.get(chat)
      check(conversation !== undefined, 'worker/protocol', 'this conversation was never begun')
      conversation.system = system
      const [{ content: received }] = pictures.messages([{ role: 'user', content }])
      const plan = await generateOptions(held, options, answering)
      return written(conversation.send(received ?? '', plan), answering)
    },
    reset: async ({ model, chat }) => used(model).chats.get(chat)?.reset(),
    async object({ model, prompt, text, options }, answering) {
      const { held, pictures } = used(model)
      const { generateObject } = await import('../generate/generate-object.js')
      return generateObject(held.model, pictures.received(prompt), { ...plainOptions(options, answering), ...text })
    },
    async picture({ model, image, options }, { signal }) {
      const { held, pictures } = used(model)
      const picture = await held.model.picture(image, { ...options, signal })
      return { id: pictures.add(picture), picture }
    },
    async forget({ model, picture, chat }) {
      const found = loaded.get(model)
      if (picture !== undefined) found?.pictures.forget(picture)
      if (chat !== undefined) found?.chats.delete(chat)
    },
    async encode({ model, prompt, after }) {
      const { held, pictures } = used(model)
      return held.model.encode(pictures.received(prompt), after).slice()
    },
    decode: async ({ model, ids }) => used(model).held.model.tokenizer.decode(ids),
    async save({ model }, { item }) {
      for await (const bytes of used(model).held.model.save()) {
        const own = bytes.slice()
        if (!(await item(own, [own.buffer]))) break
      }
    },
    restore: async ({ model, bytes }) => (await used(model).held.model.restore(pageStream(bytes, page))).slice(),
    async logits({ model, ids }, { signal, event, transfer }) {
      const logits = await used(model).held.model.logits(ids, { signal, ...told(event) })
      const own = logits.slice()
      transfer(own.buffer)
      return own
    },
    dispose: ({ model }) => drop(model),
  }

  const page: Peer<PageCalls> = peer<PageCalls, HostCalls>(port, handlers, (_, settled) => {
    stopWatching()
    // What still runs for the page was aborted, and ends within a step.
    void settled.then(async () => {
      await Promise.allSettled([...loaded.keys()].map(drop))
    })
  })
}

const told = (event: (event: GenerateEvent) => void) => ({
  onProgress: (done: number, total: number) => event({ kind: 'prefill', done, total }),
  onEncode: (done: number, total: number) => event({ kind: 'encode', done, total }),
})

/** Sends what is written as it comes, to who wants it. */
async function written(run: Generation, answering: Answering<Chunk, GenerateEvent>): Promise<GenerationResult> {
  if (answering.wantsItems) for await (const chunk of run) if (!(await answering.item(chunk))) break
  return run.result()
}

type Told = Pick<Answering<never, GenerateEvent>, 'signal' | 'event'>

const plainOptions = ({ constraint: _, ...options }: WireGenerate, { signal, event }: Told) => ({
  ...options,
  signal,
  onPrefill: (done: number, total: number) => event({ kind: 'prefill', done, total }),
  onEncode: (done: number, total: number) => event({ kind: 'encode', done, total }),
  onOverflow: (overflow: Overflow) => event({ kind: 'overflow', overflow }),
})

const generateOptions = async (held: Held, options: WireGenerate, told: Told): Promise<GenerateOptions> => ({
  ...plainOptions(options, told),
  ...(options.constraint && { constraint: (await held.constraints(options.constraint)).start() }),
})
