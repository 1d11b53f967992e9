import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ISOLATED, serve } from '../site.mjs'

/** @typedef {import('../integrations.mjs').Surroundings} Surroundings */

const PAGE = (script) => `<!doctype html><title>g3</title><script type="module" src="${script}"></script>`
const RESULT_MS = 60_000

const tool = (at, name) => import(pathToFileURL(createRequire(at.toolsPackage).resolve(name)).href)

/** @param {Surroundings} at @param {Record<string, string>} entryPoints @param {string} outdir @param {object} [options] */
export async function bundle(at, entryPoints, outdir, options = {}) {
  const { build } = await tool(at, 'esbuild')
  const { warnings } = await build({
    entryPoints,
    outdir,
    absWorkingDir: at.project,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    logLevel: 'silent',
    external: ['node:*', 'webgpu', 'onnxruntime-web', '@huggingface/jinja'],
    ...options,
  })
  if (warnings.length > 0) throw new Error(`esbuild warns: ${warnings[0].text}`)
}

/** What a page at an address leaves in `globalThis.result`. */
async function resultOf(at, url) {
  const page = await at.browser.page()
  try {
    await page.goto(url)
    return await page.until('globalThis.result', RESULT_MS)
  } catch (error) {
    throw new Error(`${error.message}\n${page.errors.join('\n')}`)
  } finally {
    await page.close()
  }
}

/** Serves a folder with a page and gives its result. */
export async function visit(at, folder, { path = '/', ...options } = {}) {
  await using site = await serve(folder, { ...options, files: { '/model.gguf': at.model } })
  return await resultOf(at, `${site.url}${path}`)
}

const folderOf = (at, name) => {
  const folder = join(at.project, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

export const PAGES = [
  {
    title: 'esbuild',
    run: async (at) => {
      const out = folderOf(at, 'esbuild')
      await bundle(at, { page: 'page.mjs' }, out)
      writeFileSync(join(out, 'index.html'), PAGE('/page.js'))
      return visit(at, out)
    },
  },
  {
    title: 'page without isolation (one thread)',
    run: async (at) => {
      const out = folderOf(at, 'alone')
      await bundle(at, { page: 'page.mjs' }, out)
      writeFileSync(join(out, 'index.html'), PAGE('/page.js'))
      return visit(at, out, { headers: {} })
    },
  },
  {
    title: 'module script from another origin, no bundler',
    run: async (at) => {
      const elsewhere = {
        ...ISOLATED,
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
      }
      await using modules = await serve(at.project, { headers: elsewhere })
      const out = folderOf(at, 'origins')
      writeFileSync(
        join(out, 'index.html'),
        `<!doctype html><title>g3</title><script type="importmap">${JSON.stringify({ imports: importMap(at, modules.url) })}</script>
        <script type="module" src="${modules.url}/page.mjs"></script>`,
      )
      return await visit(at, out)
    },
  },
  {
    title: 'strict CSP, worker from a file',
    run: async (at) => {
      const out = folderOf(at, 'csp')
      await bundle(at, { page: 'page.mjs' }, out)
      const { WORKER_SOURCE } = await import(
        pathToFileURL(join(at.project, 'node_modules/@g3/kernels-cpu/dist/index.js')).href
      )
      writeFileSync(join(out, 'kernels-worker.js'), WORKER_SOURCE)
      writeFileSync(join(out, 'options.js'), "globalThis.cpuOptions = { threads: 2, workerUrl: '/kernels-worker.js' }")
      writeFileSync(join(out, 'index.html'), `${PAGE('/options.js')}<script type="module" src="/page.js"></script>`)
      const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'"
      return visit(at, out, { headers: { ...ISOLATED, 'content-security-policy': policy } })
    },
  },
  {
    title: 'service worker',
    run: async (at) => {
      const out = folderOf(at, 'service')
      await bundle(at, { 'service-worker': 'service-worker.mjs' }, out, { splitting: false, format: 'iife' })
      writeFileSync(
        join(out, 'page.js'),
        `
        navigator.serviceWorker.register('/service-worker.js')
          .then(() => navigator.serviceWorker.ready)
          .then(() => navigator.serviceWorker.controller ?? new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve)))
          .then(() => fetch('/generated')).then((answer) => answer.json())
          .then((result) => { globalThis.result = result }, (error) => { globalThis.result = { error: String(error) } })`,
      )
      writeFileSync(join(out, 'index.html'), PAGE('/page.js'))
      return visit(at, out)
    },
  },
  {
    title: 'Vite build',
    run: async (at) => {
      const root = viteProject(at)
      const { build } = await tool(at, 'vite')
      await build({ root, logLevel: 'error', configFile: false })
      return visit(at, join(root, 'dist'))
    },
  },
  {
    title: 'Vite dev',
    run: async (at) => {
      const root = viteProject(at)
      mkdirSync(join(root, 'public'), { recursive: true })
      copyFileSync(at.model, join(root, 'public', 'model.gguf'))
      const { createServer } = await tool(at, 'vite')
      const server = await createServer({
        root,
        logLevel: 'error',
        configFile: false,
        server: { port: 0, host: '127.0.0.1', headers: ISOLATED },
      })
      await server.listen()
      try {
        return await resultOf(at, `http://127.0.0.1:${server.httpServer.address().port}/`)
      } finally {
        await server.close()
      }
    },
  },
  {
    title: 'webpack 5',
    run: async (at) => {
      const out = folderOf(at, 'webpack')
      const { default: webpack } = await tool(at, 'webpack')
      await new Promise((resolve, reject) =>
        webpack(
          {
            mode: 'production',
            context: at.project,
            entry: './page.mjs',
            output: { path: out, filename: 'page.js' },
            performance: { hints: false },
            // An optional peer that is not installed; webpack wants to be told (see the tokenizer's README).
            resolve: { alias: { '@huggingface/jinja': false } },
          },
          (error, stats) => {
            if (error || stats.hasErrors() || stats.hasWarnings())
              reject(error ?? new Error(stats.toString({ all: false, errors: true, warnings: true })))
            else resolve(undefined)
          },
        ),
      )
      writeFileSync(join(out, 'index.html'), PAGE('/page.js'))
      return visit(at, out)
    },
  },
]

/** The Vite project: an index.html beside the page's modules. */
function viteProject(at) {
  const root = folderOf(at, 'vite')
  for (const file of ['page.mjs', 'generate.mjs']) copyFileSync(join(at.project, file), join(root, file))
  writeFileSync(join(root, 'index.html'), PAGE('./page.mjs'))
  return root
}

/** Bare names of our packages -> their modules at an address. */
function importMap(at, url) {
  const scope = join(at.project, 'node_modules', '@g3')
  const imports = {}
  for (const name of readdirSync(scope)) {
    const { exports = {} } = createRequire(join(scope, 'x.js'))(`./${name}/package.json`)
    for (const [entry, target] of Object.entries(exports))
      if (target.default?.endsWith('.js'))
        imports[`@g3/${name}${entry.slice(1)}`] = `${url}/node_modules/@g3/${name}/${target.default.slice(2)}`
  }
  return imports
}
