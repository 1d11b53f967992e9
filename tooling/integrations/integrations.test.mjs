import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packAll, publishedPackages } from '../checks/workspace.mjs'
import { node24, root } from '../setup/paths.mjs'
import { aloneCases } from './alone.mjs'
import { matrix, problemOf } from './matrix.mjs'

const expected = { ids: [1, 2, 3], parts: { text: 'a' } }

it('takes a result for wrong that has other tokens, other parts or an error', () => {
  expect(problemOf({ ids: [1, 2, 3], description: 'x' }, expected)).toBeUndefined()
  expect(problemOf({ ids: [1, 2, 3], parts: { text: 'a' } }, expected)).toBeUndefined()
  expect(problemOf({ ids: [1, 2] }, expected)).toMatch('other tokens')
  expect(problemOf({ ids: [1, 2, 3], parts: { text: 'b' } }, expected)).toMatch('gave something else')
  expect(problemOf({ ids: [], error: 'cpu/trap: a thread died' }, expected)).toBe('cpu/trap: a thread died')
})

it('goes on with the next host when one fails', async () => {
  const broken = { title: 'broken', run: async () => Promise.reject(new Error('no worker here')) }
  const fine = { title: 'fine', run: async () => expected }
  const rows = await matrix([broken, fine], { expected }, () => {})
  expect(rows.map(({ problem }) => problem)).toEqual(['no worker here', undefined])
})

it('has packages without dependencies of others work alone, out of their tarballs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'g3-alone-'))
  try {
    const manifests = new Map(publishedPackages().map(({ name, manifest }) => [name, manifest]))
    const tarballs = packAll(join(folder, 'tarballs'))
    const cases = aloneCases(tarballs, (name) => manifests.get(name))
    // Each package has one, so that a new one is not forgotten; these install without a registry.
    expect(cases.map(({ title }) => title)).toHaveLength(manifests.size)
    const offline = cases.filter(({ title }) => /tokenizer|kv-cache|kernels-cpu/.test(title))
    const at = { project: join(folder, 'project'), node24, expected }
    const rows = await matrix(offline, at, () => {})
    expect(rows.map(({ title, problem }) => [title, problem])).toEqual(offline.map(({ title }) => [title, undefined]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)

it.runIf(process.env.G3_INTEGRATIONS)('writes the same tokens in every host', { timeout: 600_000 }, () => {
  const printed = execFileSync(node24, ['tooling/integrations/integrations.mjs'], { cwd: root, encoding: 'utf8' })
  expect(printed).not.toMatch('FAIL')
})
