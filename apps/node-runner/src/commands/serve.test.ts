import type { ChildProcess } from 'node:child_process'
import { expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

const LONG = { prompt: 'hello', max_tokens: 300, stream: true, seed: 1 }

it('g3 serve finishes what is under way when it is told to end, and lets nobody in meanwhile', async () => {
  const started = Promise.withResolvers<{ child: ChildProcess; url: string }>()
  const onStart = (child: ChildProcess): void => {
    let text = ''
    child.stderr?.on('data', (piece: string) => {
      text += piece
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? []
      if (url !== undefined) started.resolve({ child, url })
    })
  }
  const args = [
    'serve',
    '--model',
    TINY,
    '--port',
    '0',
    '--slots',
    '2',
    '--context',
    '512',
    '--threads',
    '1',
    '--log',
    'silent',
  ]
  const ended = g3(args, { onStart })
  const { child, url } = await started.promise
  const ask = (): Promise<Response> =>
    fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(LONG),
    })

  const response = await ask()
  child.kill('SIGTERM')
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/ready`)).status === 200
  // Where the answer came to its end meanwhile, nobody listens any more.
  while (await isReady().catch(() => false));
  const refused = await ask().then(
    ({ status }) => status,
    () => 'no connection',
  )
  expect([503, 'no connection']).toContain(refused)
  const events = (await response.text()).trim().split('\n\n')
  expect(events.at(-1)).toBe('data: [DONE]')
  expect(events.at(-2)).toMatch(/"finish_reason":"(?:length|stop)"/)
  const { code, stderr } = await ended
  expect(code, stderr).toBe(0)
  await expect(ask()).rejects.toThrow()
})
