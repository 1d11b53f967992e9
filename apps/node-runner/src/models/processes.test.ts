import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { modelPath, urlModelName } from './cache.js'
import { serving, testServer, type TestServer } from './testing/file-server.js'
import { modelBytes, sha256, temporaryFolder, type TemporaryFolder } from './testing/files.js'

const BYTES = modelBytes(3_000_000)
const SHA = sha256(BYTES)
const HEADERS = { 'x-linked-etag': `"${SHA}"` }
const SCRIPT = fileURLToPath(new URL('testing/pull.mjs', import.meta.url))

let cache: TemporaryFolder
beforeEach(async () => {
  cache = await temporaryFolder()
})
afterEach(() => cache[Symbol.asyncDispose]())

interface Pulling {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly log: string }>
}

/** Starts a process that pulls the server's file, under a shell's limits where some are given. */
function pull(server: TestServer, limits = ''): Pulling {
  const command = `${limits} exec "$NODE" "$SCRIPT" "$ADDRESS"`
  const env = {
    ...process.env,
    NODE: process.execPath,
    SCRIPT,
    ADDRESS: addressOf(server),
    G3_CACHE: cache.path,
    G3_HUB: server.url,
    NO_COLOR: '1',
  }
  const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let log = ''
  child.stdout.on('data', (bytes) => (out += bytes))
  child.stderr.on('data', (bytes) => (log += bytes))
  return { child, ended: once(child, 'close').then(([code]) => ({ code, out, log })) }
}

const addressOf = (server: TestServer): string => `${server.url}/model.gguf`
const placeOf = (server: TestServer): string =>
  modelPath(cache.path, urlModelName(new URL(addressOf(server))), 'model.gguf')

/** Waits until so many bytes are on disk. */
async function written(server: TestServer, bytes: number): Promise<void> {
  const part = `${placeOf(server)}.part`
  while (!existsSync(part) || statSync(part).size < bytes) await sleep(2)
}

async function expectWhole(server: TestServer): Promise<void> {
  const place = placeOf(server)
  expect(sha256(await readFile(place))).toBe(SHA)
  expect(await readdir(join(place, '..'))).toEqual(['model.gguf'])
}

describe.skipIf(process.platform === 'win32')('processes that pull one model', () => {
  it('do the work once when they come together', async () => {
    await using server = await testServer(serving({ bytes: BYTES, headers: HEADERS, pieceMs: 2 }))
    const all = [pull(server), pull(server), pull(server)]
    const ends = await Promise.all(all.map(({ ended }) => ended))
    expect(ends).toMatchObject(Array.from({ length: 3 }, () => ({ code: 0, out: placeOf(server) })))
    expect(ends.filter(({ log }) => log.includes('another process is downloading model.gguf')).length).toBe(2)
    expect(server.asked.length).toBe(1)
    await expectWhole(server)
  })

  it('go on where one was killed, at once', async () => {
    for (const killAt of [1, 1_000_000, 2_000_000]) {
      await using server = await testServer(serving({ bytes: BYTES, headers: HEADERS, pieceMs: 2 }))
      const first = pull(server)
      await written(server, killAt)
      first.child.kill('SIGKILL')
      await first.ended
      const start = performance.now()
      expect(await pull(server).ended).toMatchObject({ code: 0 })
      expect(performance.now() - start).toBeLessThan(20_000)
      expect(server.asked[1]?.range).toMatch(/^bytes=\d+-$/)
      expect(server.sent).toBeLessThan(BYTES.length * 1.5)
      await expectWhole(server)
    }
  })

  it('wait for one that is killed later, and then take over', async () => {
    await using server = await testServer(serving({ bytes: BYTES, headers: HEADERS, pieceMs: 2 }))
    const first = pull(server)
    await written(server, 200_000)
    const others = [pull(server), pull(server)]
    await written(server, 1_800_000)
    first.child.kill('SIGKILL')
    expect(await Promise.all(others.map(({ ended }) => ended))).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(server.asked.length).toBe(2)
    await expectWhole(server)
  })

  it('end with a clear error when the disk takes no more, and go on when it does', async () => {
    await using server = await testServer(serving({ bytes: BYTES, headers: HEADERS }))
    // A limit on a file's size fails in the same call as a full disk.
    const { code, out, log } = await pull(server, 'ulimit -f 2000;').ended
    expect({ code, out, log }).toMatchObject({ code: 1, out: 'models/disk-full' })
    expect(await pull(server).ended).toMatchObject({ code: 0 })
    expect(server.asked[1]?.range).toMatch(/^bytes=\d+-$/)
    await expectWhole(server)
  })
})
