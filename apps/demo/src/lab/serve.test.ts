import { expect, it } from 'vitest'
import type { FromLab, FromPage } from './calls.js'
import { serveLab } from './serve.js'
import { tinyVision } from './testing/site-model.js'

/** A lab at the other end of a line, and what it says of each call. */
function opened() {
  const { port1, port2 } = new MessageChannel()
  serveLab(port2)
  const heard: FromLab[] = []
  port1.addEventListener('message', ({ data }: MessageEvent<FromLab>) => heard.push(data))
  port1.start()
  const send = (message: FromPage): void => port1.postMessage(message)
  const end = (id: number): Promise<FromLab> =>
    expect
      .poll(() => heard.find((message) => message.id === id && message.kind !== 'item'), { timeout: 10_000 })
      .toBeDefined()
      .then(() => heard.findLast((message) => message.id === id) as FromLab)
  return { send, end, heard, [Symbol.dispose]: () => port1.close() }
}

const pieces = (id: number, text: string): FromPage => {
  const args = { model: tinyVision(), texts: [text], special: true, bos: false }
  return { kind: 'call', id, name: 'pieces', args }
}

it('answers calls one after the other, tells what fails by its code, and goes on', async () => {
  using lab = opened()
  const grow = { model: tinyVision(), schema: '{', prompt: '', temperature: 0, seed: 1, most: 1 }
  lab.send({ kind: 'call', id: 1, name: 'grow', args: grow })
  lab.send(pieces(2, 'a heart'))
  expect(await lab.end(1)).toMatchObject({ kind: 'failed', code: 'demo/bad-schema' })
  expect(await lab.end(2)).toMatchObject({ kind: 'done', result: { cuts: [{ characters: 7 }] } })
})

it('tells items before the end, and leaves out a call that was given up while it waited', async () => {
  using lab = opened()
  const args = { model: tinyVision(), title: 'tiny', prompt: 16, generate: 2, rounds: 1 }
  lab.send({ kind: 'call', id: 1, name: 'rounds', args })
  lab.send(pieces(2, 'never'))
  lab.send({ kind: 'abort', id: 2 })
  expect(await lab.end(1)).toMatchObject({ kind: 'done' })
  expect(lab.heard.filter(({ id, kind }) => id === 1 && kind === 'item').length).toBeGreaterThan(3)
  expect(await lab.end(2)).toMatchObject({ kind: 'failed' })
})
