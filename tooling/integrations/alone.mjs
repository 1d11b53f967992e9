import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installInto, run } from './install.mjs'

/** What a package must do when nothing but it and its dependencies are there: one line, which prints `true`. */
const USES = {
  '@g3/tokenizer':
    "import { renderGemma3 } from '@g3/tokenizer'; console.log(renderGemma3([{ role: 'user', content: 'Hi' }]).includes('<start_of_turn>user'))",
  '@g3/kv-cache':
    "import { pool, poolPages } from '@g3/kv-cache'; const room = { context: 256, maxRows: 8, sequences: 1, checkpoints: 0 }; const texts = pool({ ...room, caches: [{ pages: poolPages(room) }] }); const step = texts.placement(8, 1); texts.sequence().append(step, 3); console.log(step.positions[2] === 2)",
  '@g3/backend':
    "import { reference } from '@g3/backend'; const backend = await reference(); console.log(typeof backend.record === 'function')",
  '@g3/kernels-cpu':
    "import { cpu } from '@g3/kernels-cpu'; const backend = await cpu({ threads: 2 }); console.log(backend.caps.description.includes('2 threads')); await backend[Symbol.asyncDispose]()",
  '@g3/kernels-webgpu':
    "import { webgpuFootprint } from '@g3/kernels-webgpu'; console.log(typeof webgpuFootprint === 'function')",
  '@g3/vision': "import { decodeImage } from '@g3/vision'; console.log(typeof decodeImage === 'function')",
  '@g3/runtime':
    "import { argmax } from '@g3/runtime'; import { compileRegex } from '@g3/runtime/grammar'; console.log(argmax(Float32Array.of(1, 3, 2)) === 1 && compileRegex('a+') !== undefined)",
  '@g3/ai-sdk': "import * as sdk from '@g3/ai-sdk'; console.log(Object.keys(sdk).length > 0)",
  '@g3/distill': "import * as distill from '@g3/distill'; console.log(Object.keys(distill).length > 0)",
  '@g3/node-runner':
    "import { execFileSync } from 'node:child_process'; console.log(execFileSync(process.execPath, ['node_modules/@g3/node-runner/dist/cli.js', '--version'], { encoding: 'utf8' }).length > 2)",
}

/**
 * A case for each package: installed by itself, with those of ours that it depends on, and used.
 * @param {ReadonlyMap<string, string>} tarballs
 * @param {(name: string) => Record<string, any>} manifestOf
 */
export const aloneCases = (tarballs, manifestOf) =>
  [...tarballs.keys()].map((name) => ({
    title: `${name} alone`,
    run: async (at) => {
      const code = USES[name]
      if (code === undefined) throw new Error(`${name} has no line in tooling/integrations/alone.mjs`)
      const folder = join(at.project, '..', 'alone')
      installInto(folder, new Map([...below(name, manifestOf)].map((needed) => [needed, tarballs.get(needed)])))
      writeFileSync(join(folder, 'use.mjs'), code)
      const printed = run(at.node24, ['use.mjs'], folder).trim()
      if (printed !== 'true') throw new Error(`printed ${printed}`)
      return { ids: at.expected.ids }
    },
  }))

/** A package and those of ours that it needs. */
function below(name, manifestOf, found = new Set()) {
  found.add(name)
  for (const next of Object.keys(manifestOf(name).dependencies ?? {}))
    if (next.startsWith('@g3/') && !found.has(next)) below(next, manifestOf, found)
  return found
}
