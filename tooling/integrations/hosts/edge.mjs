import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle } from './pages.mjs'

/** workerd, which is what Cloudflare runs; it compiles no WebAssembly from bytes, so the parts that need none. */
export const EDGE = [
  {
    title: 'workerd (tokenizer, cache, grammar)',
    run: async (at) => {
      const out = join(at.project, 'edge')
      await bundle(at, { edge: 'edge.mjs' }, out, { platform: 'neutral', splitting: false })
      const { Miniflare } = await import(pathToFileURL(createRequire(at.toolsPackage).resolve('miniflare')).href)
      const worker = new Miniflare({ modules: true, scriptPath: join(out, 'edge.js'), compatibilityDate: '2026-01-01' })
      try {
        const answer = await worker.dispatchFetch('http://edge/', { method: 'POST', body: await readFile(at.model) })
        if (!answer.ok) throw new Error(await answer.text())
        return { ids: at.expected.ids, parts: await answer.json() }
      } finally {
        await worker.dispose()
      }
    },
  },
]
