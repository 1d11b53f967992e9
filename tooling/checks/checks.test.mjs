import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { closureOf, isAllowedLicence } from './closure.mjs'
import { manifestProblems } from './publishing.mjs'
import { downloadOf, sizeProblems } from './sizes.mjs'
import { publishedPackages } from './workspace.mjs'

const ARGMAX = "export { argmax } from '@g3/runtime'"

describe('sizes', () => {
  it('names a budget that is exceeded, and no other', async () => {
    const budgets = { small: { code: ARGMAX, kilobytes: 0.1 }, large: { code: ARGMAX, kilobytes: 50 } }
    const problems = await sizeProblems(budgets, () => {})
    expect(problems).toEqual([expect.stringMatching(/^small: .* kB min \+ gzip, and its budget is 0\.1/)])
  })

  it('counts what is imported when needed apart from what a page starts with', async () => {
    const { startBytes, allBytes } = await downloadOf("export { cpu } from '@g3/kernels-cpu'")
    // Two builds of WASM, of which a page takes one, later.
    expect(allBytes - startBytes).toBeGreaterThan(40_000)
    expect(startBytes).toBeGreaterThan(5_000)
  })
})

describe('manifests', () => {
  const [entry] = publishedPackages()
  const withChange = (change) => manifestProblems({ ...entry, manifest: { ...entry.manifest, ...change } })

  it('takes those of our packages', () => {
    expect(publishedPackages().length).toBeGreaterThan(8)
    expect(publishedPackages().flatMap(manifestProblems)).toEqual([])
  })

  it('refuses install scripts, open ranges, missing licences and files', () => {
    expect(withChange({ scripts: { postinstall: 'node steal.js' } })).toHaveLength(1)
    expect(withChange({ dependencies: { fflate: '^0.8.3' } })).toHaveLength(1)
    expect(withChange({ license: undefined })).toHaveLength(1)
    expect(withChange({ files: ['dist'] })).toHaveLength(2)
    expect(withChange({ sideEffects: undefined, bin: undefined })).toHaveLength(1)
  })
})

describe('licences', () => {
  it('reads SPDX expressions', () => {
    for (const fine of ['MIT', '(MIT OR GPL-3.0)', 'Apache-2.0 AND BSD-3-Clause'])
      expect(isAllowedLicence(fine)).toBe(true)
    for (const bad of ['GPL-3.0', 'MIT AND GPL-3.0', 'UNLICENSED', '']) expect(isAllowedLicence(bad)).toBe(false)
  })

  it('finds what is installed with what is installed, and names what is missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'g3-checks-'))
    const write = (path, manifest) => {
      mkdirSync(join(folder, path), { recursive: true })
      writeFileSync(join(folder, path, 'package.json'), JSON.stringify(manifest))
    }
    try {
      write('.', { name: 'a', dependencies: { b: '1' }, optionalDependencies: { elsewhere: '1' } })
      write('node_modules/b', { name: 'b', dependencies: { c: '1', a: '1' } })
      write('node_modules/b/node_modules/c', { name: 'c', license: 'MIT' })
      expect(() => closureOf(folder)).toThrow('depends on a, which is not installed')
      write('node_modules/b/node_modules/a', { name: 'a', dependencies: { c: '1' } })
      const names = [...closureOf(folder).values()].map(({ name }) => name)
      expect(names.sort()).toEqual(['a', 'b', 'c'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
