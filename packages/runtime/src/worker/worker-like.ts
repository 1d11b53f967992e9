/** The part of Node's `Worker` (`node:worker_threads`) in use; named here so that pages need no Node types. */
export interface NodeWorker {
  postMessage(message: unknown, transfer?: readonly never[]): void
  on(event: string, listener: (value: unknown) => void): unknown
  unref(): void
  terminate(): Promise<number>
}

/** A thread whose program calls `serve`, or a port that leads to one. */
export type WorkerLike = Worker | SharedWorker | MessagePort | NodeWorker

/** Sent to a worker to open a line of its own, which `port` is the other end of. */
export interface Connect {
  readonly g3: 'connect'
  readonly port: MessagePort
}

export const isConnect = (message: unknown): message is Connect =>
  typeof message === 'object' && message !== null && 'g3' in message && message.g3 === 'connect' && 'port' in message

/** Node's types of what can be handed over are its own. */
interface Sender {
  postMessage(message: unknown, transfer?: readonly MessagePort[]): void
}

const isNode = (worker: WorkerLike): worker is NodeWorker => 'on' in worker && 'terminate' in worker
const isShared = (worker: WorkerLike): worker is SharedWorker => 'port' in worker

/**
 * Opens a line to a worker.
 * @param onFailure told that its program could not start, threw outside of any call, or ended
 */
export function connect(worker: WorkerLike, onFailure: (reason: string) => void): MessagePort {
  const { port1, port2 } = new MessageChannel()
  const message: Connect = { g3: 'connect', port: port2 }
  if (isNode(worker)) {
    worker.on('error', (error) => onFailure(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code) => onFailure(`it ended with code ${String(code)}`))
    const sender: Sender = worker
    sender.postMessage(message, [port2])
    return port1
  }
  worker.addEventListener('error', (event) => onFailure(messageOf(event)))
  if (isShared(worker)) worker.port.start()
  const root = isShared(worker) ? worker.port : worker
  root.postMessage(message, [port2])
  return port1
}

/** An event of a program that could not be loaded has no message. */
const messageOf = (event: Event): string =>
  'message' in event && typeof event.message === 'string' && event.message !== ''
    ? event.message
    : 'its program cannot be loaded: the console names the address'

/** Ends a worker that was started for a model; a shared one ends with its last page. */
export async function endWorker(worker: WorkerLike): Promise<void> {
  if (isShared(worker)) worker.port.close()
  else if ('terminate' in worker) await worker.terminate()
  else worker.close()
}

/** An idle worker does not keep a process of Node alive: what waits for it does. */
export function letGo(worker: WorkerLike): void {
  if (isNode(worker)) worker.unref()
}
