import { createReadStream, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const RUNNER = new URL('../../node-runner/', import.meta.url)
const EXAMPLES = ['pair', 'shapes', 'number', 'word']

/** What the site carries of the command's own files: a model that sees, and pictures to show it. */
const FILES: Readonly<Record<string, URL>> = {
  'tiny-vision/tiny-vision-f16.gguf': new URL('assets/tiny-vision/tiny-vision-f16.gguf', RUNNER),
  'tiny-vision/mmproj-tiny-vision-f16.gguf': new URL('assets/tiny-vision/mmproj-tiny-vision-f16.gguf', RUNNER),
  ...Object.fromEntries(
    EXAMPLES.map((name) => [`examples/${name}.png`, new URL(`fixtures/tiny-vision/examples/${name}.png`, RUNNER)]),
  ),
}

/** Puts them into the site, under names of their own: addresses of models stay the same from build to build. */
export const carried = (): Plugin => ({
  name: 'g3-carried',
  generateBundle() {
    if (this.environment.name !== 'client') return
    for (const [fileName, url] of Object.entries(FILES)) {
      this.emitFile({ type: 'asset', fileName, source: readFileSync(fileURLToPath(url)) })
    }
  },
  configureServer(server) {
    server.middlewares.use((request, response, next) => {
      const url = FILES[(request.url ?? '').replace(/^\//, '').replace(/\?.*$/, '')]
      if (url === undefined) return next()
      createReadStream(fileURLToPath(url)).pipe(response)
    })
  },
})
