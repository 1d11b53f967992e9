import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../setup/paths.mjs'
import { here } from './tools.mjs'

// esbuild comes with tsup, as everything here is built with it.
const require = createRequire(createRequire(join(root, 'package.json')).resolve('tsup'))
const { build } = require('esbuild')

/** What a page gets from elsewhere or not at all. */
const EXTERNAL = ['onnxruntime-web', '@huggingface/jinja', 'webgpu', 'node:*']

/**
 * What a page downloads for a piece of code, minified and as gzip.
 * @param {string} code that re-exports what is used of our packages
 * @returns {Promise<{ startBytes: number, allBytes: number }>} what its static imports reach; with what is imported when needed
 */
export async function downloadOf(code) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: join(root, 'packages', 'runtime') },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    platform: 'browser',
    external: EXTERNAL,
    metafile: true,
    write: false,
    outdir: root,
    absWorkingDir: root,
    logLevel: 'error',
    // Not as esbuild warns of it: what is left out because nothing is used of it, is meant to be.
    logOverride: { 'ignored-bare-import': 'silent' },
  })
  const bytes = new Map(outputFiles.map((file) => [file.path, gzipSync(file.contents, { level: 9 }).length]))
  const start = Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint === '<stdin>')
  const reached = new Set([start])
  for (const path of reached)
    for (const { path: next, kind, external } of metafile.outputs[path].imports)
      if (kind === 'import-statement' && !external) reached.add(next)
  const sum = (paths) => [...paths].reduce((total, path) => total + bytes.get(join(root, path)), 0)
  return { startBytes: sum(reached), allBytes: sum(Object.keys(metafile.outputs)) }
}

/**
 * @param {Record<string, { code: string, kilobytes: number, lazy?: boolean }>} [budgets] `sizes.json`; `lazy` counts what is imported when needed
 * @param {(line: string) => void} [log]
 * @returns {Promise<string[]>} one line for each budget that is exceeded
 */
export async function sizeProblems(
  budgets = JSON.parse(readFileSync(join(here, 'sizes.json'), 'utf8')),
  log = console.log,
) {
  const problems = []
  for (const [name, { code, kilobytes, lazy = false }] of Object.entries(budgets)) {
    const { startBytes, allBytes } = await downloadOf(code)
    const size = (lazy ? allBytes : startBytes) / 1000
    log(`  ${size.toFixed(1).padStart(6)} of ${String(kilobytes).padStart(4)} kB  ${name}`)
    if (size > kilobytes)
      problems.push(
        `${name}: ${size.toFixed(1)} kB min + gzip, and its budget is ${kilobytes}; make it smaller, or say why not where you raise tooling/checks/sizes.json`,
      )
  }
  return problems
}
