// Kernels with something added, for the tools of this folder: a copy of their sources is edited and compiled.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = join(root, 'tooling/asc/build.mjs')

/** This repository's kernel sources. */
export const SOURCES = join(root, 'packages/kernels-cpu/assembly')

/**
 * The kernels' bytes. `edits`: for files of the sources, functions from their text to another.
 * @param {string} sources
 * @param {Record<string, (text: string) => string>} edits
 * @param {'relaxed' | 'plain'} simd
 */
export async function build(sources, edits, simd = 'relaxed') {
  const folder = await mkdtemp(join(tmpdir(), 'g3-lab-'))
  try {
    const copy = join(folder, 'assembly')
    await cp(sources, copy, { recursive: true })
    for (const [file, edit] of Object.entries(edits)) {
      const text = await readFile(join(copy, file), 'utf8')
      const edited = edit(text)
      if (edited === text) throw new Error(`the edit of ${file} found nothing to change: the sources are not what it expects`)
      await writeFile(join(copy, file), edited)
    }
    await promisify(execFile)(process.execPath, [compiler, join(copy, 'index.ts'), join(folder, 'out')], { cwd: root })
    return new Uint8Array(await readFile(join(folder, 'out', `${simd}.wasm`)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param {number[]} values */
export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
