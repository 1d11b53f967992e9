import { G3Error } from '@g3/backend'
import { batchesOf, type Batches } from './batches.js'
import { bullQueue } from './bullmq-queue.js'
import { diskStore } from './disk-store.js'
import { localQueue } from './local-queue.js'
import type { StoreLimits } from './store.js'
import { connectValkey } from './valkey.js'
import { valkeyStore } from './valkey-store.js'
import type { LineLimits } from './work.js'

export interface OpenBatchesOptions {
  /** A folder of this server's own. */
  readonly data?: string
  /** Valkey or Redis, for servers and workers on any number of machines. */
  readonly valkey?: string
  /** Lines that are answered at a time here; 0 leaves them to others. */
  readonly concurrency: number
  readonly limits: StoreLimits & LineLimits
  readonly lockMs?: number
  readonly sweepMs?: number
  onFailure(problem: unknown): void
  note(message: string): void
}

/** Of all our keys in Valkey. */
const PREFIX = 'g3'

/**
 * Files and batches in a folder or in Valkey; undefined where neither is given.
 * @throws G3Error `cli/usage` for both, and what opening them throws
 */
export async function openBatches(options: OpenBatchesOptions): Promise<Batches | undefined> {
  const { data, valkey: url, concurrency, limits, lockMs, onFailure, note } = options
  if (data === undefined && url === undefined) return undefined
  if (data !== undefined && url !== undefined)
    throw new G3Error('cli/usage', '--data and --batch-queue are two places for the same: give one of them')
  if (url === undefined && concurrency === 0)
    throw new G3Error('cli/usage', 'without --batch-queue nobody else answers batches: give --batch-slots 1 at least')
  const common = { limits, onFailure, ...(options.sweepMs !== undefined && { sweepMs: options.sweepMs }) }
  if (data !== undefined)
    return batchesOf({ ...common, store: await diskStore(data, limits), queue: localQueue({ concurrency, onFailure }) })

  const valkey = await connectValkey({ url: url ?? '', note })
  const store = valkeyStore(valkey, limits, PREFIX)
  const queue = await bullQueue({
    url: url ?? '',
    prefix: PREFIX,
    concurrency,
    onFailure,
    ...(lockMs !== undefined && { lockMs }),
  })
  return batchesOf({ ...common, store: { ...store, close: () => valkey.close() }, queue })
}
