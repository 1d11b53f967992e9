import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { OPTIONS } from '../options.js'
import { addConfig } from './config.js'
import { serveCommand } from './flags.js'

let file = ''
beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'g3-config-')), 'serve.json')
})
afterAll(() => rmSync(join(file, '..'), { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

/** What the server would be told. */
async function settings(config: unknown, flags: readonly string[] = []): Promise<Record<string, unknown>> {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  const serve = serveCommand(
    (name) => new Command(name).exitOverride().configureOutput({ writeErr: () => {} }),
    (into) => into.addOption(OPTIONS.model()).addOption(OPTIONS.threads()).addOption(OPTIONS.backend()),
  ).action(() => {})
  await serve.parseAsync(flags, { from: 'user' })
  await addConfig(serve, file)
  return serve.opts()
}

it('takes flags before variables, these before the file, and that before defaults', async () => {
  vi.stubEnv('G3_SERVE_SLOTS', '3')
  vi.stubEnv('G3_SERVE_QUEUE', '5')
  const config = { slots: 7, queue: 7, timeout: 7, maxBody: '2MiB', threads: 2, log: 'error' }
  expect(await settings(config, ['--slots', '9'])).toMatchObject({
    slots: 9,
    queue: 5,
    timeout: 7,
    maxBody: 2 << 20,
    threads: 2,
    log: 'error',
    port: 8080,
  })
})

it('has a variable for every flag that takes a value, and checks it as the flag', async () => {
  vi.stubEnv('G3_SERVE_MAX_BODY', '1MiB')
  vi.stubEnv('G3_SERVE_MODEL', 'a.gguf')
  vi.stubEnv('G3_SERVE_CORS', 'https://one.example, https://two.example')
  expect(await settings({})).toMatchObject({
    maxBody: 1 << 20,
    model: 'a.gguf',
    cors: ['https://one.example', 'https://two.example'],
  })
  vi.stubEnv('G3_SERVE_PORT', 'tcp://10.0.0.1:8080')
  await expect(settings({})).rejects.toThrow(/G3_SERVE_PORT.*whole number from 0/)
})

it('takes several values as an array', async () => {
  const cors = ['https://one.example', 'https://two.example']
  expect(await settings({ cors })).toMatchObject({ cors })
})

describe('refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown key', { slotz: 3 }, /no option slotz; .*slots/],
    ['the prototype’s', '{"__proto__": 1}', /no option __proto__/],
    ['a number out of range', { slots: 0 }, /slots: It must be a whole number from 1 to 256/],
    ['a number where a text belongs', { listen: 8080 }, /listen: it cannot be 8080/],
    ['a text that is no size', { maxBody: 'large' }, /maxBody: It must be a size/],
    ['a choice that there is not', { log: 'loud' }, /log: Allowed choices are silent, error, info/],
    ['null', { data: null }, /data: it cannot be null/],
    ['an empty text', { data: '' }, /data: it cannot be ""/],
    ['an object', { model: { path: 'a' } }, /model: it cannot be \{"path":"a"\}/],
    ['several of what there is one', { port: [1, 2] }, /port: it has one value/],
    ['an origin with a path', { cors: ['https://one.example/a'] }, /cors: It must be an origin/],
    ['another file', { config: 'b.json' }, /no option config/],
    ['a list', [], /must be one JSON object/],
    ['what is no JSON', '{slots: 3}', /is wrong: .*JSON/],
  ])('%s', async (_, config, message) => {
    const settled = settings(config)
    await expect(settled).rejects.toThrow(message)
    await expect(settled).rejects.toMatchObject({ code: 'cli/bad-config' })
  })

  it('a file that is not there', async () => {
    const missing = addConfig(new Command('serve'), join(file, '..', 'none.json'))
    await expect(missing).rejects.toMatchObject({ code: 'cli/unreadable-file' })
  })
})
