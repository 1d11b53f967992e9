import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAM = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0)

/** Whether this machine can run one. */
export const hasValkey = PROGRAM !== undefined

export interface ValkeyServer {
  readonly url: string
  /** As a power cut of the process. */
  kill(): Promise<void>
  /** Starts it again on what its log holds. */
  start(): Promise<void>
}

/** A Valkey of one's own on the loopback, whose log every command reaches before it is answered. */
export async function valkeyServer(folder: string): Promise<ValkeyServer> {
  if (PROGRAM === undefined) throw new Error('neither valkey-server nor redis-server is installed')
  const port = await freePort()
  let child: ChildProcess | undefined
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
  ]
  const start = async (): Promise<void> => {
    const started = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    child = started
    const ready = Promise.withResolvers<void>()
    let text = ''
    started.stdout.on('data', (piece: Buffer) => {
      text = (text + piece.toString()).slice(-4000)
      if (text.includes('Ready to accept connections')) ready.resolve()
    })
    started.once('exit', () => ready.reject(new Error(`it did not start: ${text}`)))
    await ready.promise
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      const running = child
      child = undefined
      if (!running || running.exitCode !== null) return
      const ended = new Promise((resolve) => running.once('exit', resolve))
      running.kill('SIGKILL')
      await ended
      await sleep(10)
    },
  }
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
