import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { copyFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { run } from '../install.mjs'
import { visit } from './pages.mjs'

/** @typedef {import('../integrations.mjs').Surroundings} Surroundings */

const LAYOUT = 'export default ({ children }) => <html><body>{children}</body></html>'
const PAGE = `'use client'
import { useEffect } from 'react'
import { generate } from '../generate.mjs'
export default function Page() {
  useEffect(() => {
    fetch('/model.gguf').then((answer) => answer.arrayBuffer())
      .then((bytes) => generate(new Uint8Array(bytes), { threads: 2 }))
      .then((result) => { globalThis.result = result }, (error) => { globalThis.result = { error: String(error) } })
  }, [])
  return <p>g3</p>
}`
const ROUTE = `import { readFile } from 'node:fs/promises'
import { generate } from '../../generate.mjs'
export const dynamic = 'force-dynamic'
export const GET = async () =>
  Response.json(await generate(new Uint8Array(await readFile(process.env.MODEL)), { threads: 2 }).catch((error) => ({ error: String(error) })))`

/** A Next project of its own, with the installed packages beside it. @param {Surroundings} at @param {string} name @param {Record<string, string>} files */
function project(at, name, files) {
  const folder = join(at.project, '..', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'app'), { recursive: true })
  copyFileSync(join(at.project, 'generate.mjs'), join(folder, 'generate.mjs'))
  cpSync(join(at.project, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  for (const dependency of ['next', 'react', 'react-dom'])
    symlinkSync(at.tool(dependency), join(folder, 'node_modules', dependency))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  writeFileSync(join(folder, 'app', 'layout.jsx'), LAYOUT)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const CONFIG = (at, output) =>
  `export default { ${output} turbopack: { root: ${JSON.stringify(at.root)} }, outputFileTracingRoot: ${JSON.stringify(at.root)} }`

const build = (at, folder) =>
  run(at.node24, [join(at.tool('next'), 'dist/bin/next'), 'build'], folder, { NEXT_TELEMETRY_DISABLED: '1', CI: '1' })

export const NEXT = [
  {
    title: 'Next, static',
    run: async (at) => {
      const folder = project(at, 'next-static', {
        'app/page.jsx': PAGE,
        'next.config.mjs': CONFIG(at, "output: 'export',"),
      })
      build(at, folder)
      return visit(at, join(folder, 'out'))
    },
  },
  {
    title: 'Next, server',
    run: async (at) => {
      const folder = project(at, 'next-server', {
        'app/generated/route.js': ROUTE,
        'app/page.jsx': PAGE,
        'next.config.mjs': CONFIG(at, ''),
      })
      build(at, folder)
      const port = 20_000 + (process.pid % 20_000)
      const server = spawn(at.node24, [join(at.tool('next'), 'dist/bin/next'), 'start', '--port', String(port)], {
        cwd: folder,
        env: { ...process.env, MODEL: at.model, NEXT_TELEMETRY_DISABLED: '1' },
        stdio: 'ignore',
      })
      try {
        return await answerOf(`http://127.0.0.1:${port}/generated`)
      } finally {
        server.kill()
      }
    },
  },
]

/** @param {string} url of a server that is starting */
async function answerOf(url) {
  for (const start = performance.now(); ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    try {
      const answer = await fetch(url)
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
      return await answer.json()
    } catch (error) {
      if (performance.now() - start > 30_000) throw error
    }
  }
}
