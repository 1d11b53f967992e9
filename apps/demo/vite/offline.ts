import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Plugin } from 'vite'
import { build } from 'vite'
import { POLICY } from './policy.ts'

/** What is fetched when it is first needed: half a megabyte for one kind of image, and what libraries bring twice. */
const IS_LEFT_OUT = /(?:libavif|avif_dec)[^/]*\.js$|\.wasm$|\.map$|^sw\.js$|^_headers$/

/** Builds the service worker, once it is known what the site is made of. */
export function offline(): Plugin {
  let root = ''
  let folder = ''
  return {
    name: 'g3-offline',
    apply: 'build',
    configResolved(config) {
      root = config.root
      folder = resolve(root, config.build.outDir)
    },
    async closeBundle() {
      if (this.environment.name !== 'client') return
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .filter((file) => !IS_LEFT_OUT.test(file))
        .sort()
      const hash = createHash('sha256').update(POLICY)
      for (const file of files) hash.update(file).update(readFileSync(join(folder, file)))
      await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        define: {
          SITE_VERSION: JSON.stringify(hash.digest('hex').slice(0, 12)),
          SITE_FILES: JSON.stringify(files.map((file) => `./${file}`)),
          SITE_POLICY: JSON.stringify(POLICY),
        },
        build: {
          outDir: folder,
          emptyOutDir: false,
          target: 'es2023',
          lib: { entry: join(root, 'src/offline/sw.ts'), formats: ['es'], fileName: () => 'sw.js' },
        },
      })
      writeFileSync(join(folder, '_headers'), headersFile())
    },
  }
}

/** Headers in the form that static hosts such as Netlify and Cloudflare Pages read. */
const headersFile = (): string =>
  [
    '/*',
    `  Content-Security-Policy: ${POLICY}`,
    '  Cross-Origin-Opener-Policy: same-origin',
    '  Cross-Origin-Embedder-Policy: require-corp',
    '  Cross-Origin-Resource-Policy: same-origin',
    '  X-Content-Type-Options: nosniff',
    '  Referrer-Policy: no-referrer',
    '/assets/*',
    '  Cache-Control: public, max-age=31536000, immutable',
    '',
  ].join('\n')
