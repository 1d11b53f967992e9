// What the tools of this folder that try `g3 serve` have in common: a server to start and kill, and numbers that can be drawn again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const command = `${root}apps/node-runner/dist/cli.js`

/** Flags of a model that fits anywhere, with eyes. */
export const TINY = [
  ['--model', `${root}apps/node-runner/assets/tiny-vision/tiny-vision-f16.gguf`],
  ['--mmproj', `${root}apps/node-runner/assets/tiny-vision/mmproj-tiny-vision-f16.gguf`],
  ['--threads', '1'],
].flat()

/** An image that it was made for. */
export const IMAGE = `${root}apps/node-runner/fixtures/tiny-vision/examples/shapes.png`

const START_MS = 60_000

/**
 * A server of one's own on the loopback, once it listens. `kill` waits for its end and is harmless when it has ended.
 * @param {string[]} flags
 */
export async function startServe(flags) {
  const args = ['serve', '--port', '0', '--log', 'error', ...flags]
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const port = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no server after ${START_MS} ms: ${said}`)), START_MS)
    const settle = (does, value) => {
      clearTimeout(late)
      does(value)
    }
    child.once('exit', (code) => settle(reject, new Error(`the server ended with ${code}: ${said}`)))
    child.stderr.on('data', (piece) => {
      said = (said + piece).slice(-20_000)
      const at = /Serving .* on http:\/\/[^:]+:(\d+)/.exec(said)
      if (at) settle(resolve, Number(at[1]))
    })
  }).catch((problem) => {
    child.kill('SIGKILL')
    throw problem
  })
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** The end of what it wrote to stderr. */
    said: () => said,
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
  }
}

/** Prometheus' gauges and counters of a server by name and labels, as `g3_tokens_total{kind="cached"}`. */
export async function metricsAt(url) {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

/** Waits until no place is taken and nobody waits; throws where that takes longer than `limitMs`. */
export async function untilFree(url, limitMs = 10_000) {
  for (const start = performance.now(); ; await pause(100)) {
    const metrics = await metricsAt(url)
    const [taken, waiting] = [metrics.get('g3_slots_taken'), metrics.get('g3_queue')]
    if (taken === 0 && waiting === 0) return
    if (performance.now() - start > limitMs) throw new Error(`${taken} slots are taken still, ${waiting} requests wait`)
  }
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Numbers from 0 to 1 that a seed gives again (mulberry32). */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const post = (url, body, signal) =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  })

/** Server-sent events' data as they come. */
export async function* eventsOf(response) {
  let text = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text
        .slice(0, end)
        .split('\n')
        .find((line) => line.startsWith('data: '))
      text = text.slice(end + 2)
      if (data) yield data.slice(6)
    }
  }
}
