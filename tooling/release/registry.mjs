import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** @returns {Promise<number>} a port that is free now */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/**
 * A Verdaccio that keeps `@g3/*` to itself and takes all else from the registry that npm uses.
 * @param {string} folder emptied first; holds its packages
 * @param {{ verdaccio: string, node: string, uplink: string }} options paths of its program and of Node; the registry beyond
 * @returns {Promise<{ url: string, npmrc: string } & AsyncDisposable>} `npmrc`: text that lets npm publish to it
 */
export async function openRegistry(folder, { verdaccio, node, uplink }) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const config = {
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: -1 } },
    uplinks: { beyond: { url: uplink } },
    packages: {
      '@g3/*': { access: '$all', publish: '$all' },
      '**': { access: '$all', proxy: 'beyond' },
    },
    max_body_size: '100mb',
    log: { type: 'file', path: join(folder, 'log'), level: 'warn' },
  }
  // JSON is YAML, which Verdaccio reads.
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config))
  const child = spawn(node, [verdaccio, '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`], {
    cwd: folder,
    stdio: 'ignore',
  })
  const close = async () => void child.kill()
  try {
    await answering(`${url}-/ping`)
  } catch (error) {
    await close()
    throw error
  }
  // npm publishes to nowhere without a token; this registry takes any.
  const npmrc = `registry=${url}\n//127.0.0.1:${port}/:_authToken=rehearsal\n`
  return { url, npmrc, [Symbol.asyncDispose]: close }
}

async function answering(url) {
  for (const start = performance.now(); ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    if (performance.now() - start > 30_000) throw new Error(`no registry answers at ${url} after 30 s`)
  }
}
