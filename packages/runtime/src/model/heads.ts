import { hasLogitOps, type Backend, type Buffer, type LogitOps, type Ops, type Weight } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { MOST_CHANGES } from '../sampling/edits.js'
import { HEAD_ROWS, type Output, type Outputs } from './lane.js'
import { rankable, tokenCount } from './logits.js'

/** What the head is recorded from. */
export interface HeadParts {
  readonly config: Gemma3Config
  /** The embedding, which is the output matrix, too. */
  readonly embedding: Weight
  /** Hidden states, normed. */
  readonly h: Buffer
}

/**
 * h -> logits, through the embedding once more, or the largest of those that belong to tokens, or one of these. What few
 * texts ask for is recorded when the first does, so that nobody else waits for its kernels.
 */
export function recordHeads(backend: Backend, { config, embedding, h }: HeadParts): Outputs {
  const limit = tokenCount(config)
  const top = { x: h, weight: embedding, limit }
  // Never run where nothing can be ranked.
  const count = rankable(config) || 1
  const [logits, picked] = [backend.buffer('logits', HEAD_ROWS, config.vocab), backend.buffer('picked', HEAD_ROWS, 2)]
  const [ranked, drawn] = [backend.buffer('ranked', HEAD_ROWS, 2 * count), backend.buffer('drawn', HEAD_ROWS, 1)]
  const all = { x: h, weight: embedding, out: logits }

  const output = (buffer: Buffer, build: (ops: Ops) => void): Output => ({
    program: backend.record(buffer.label, build),
    buffer,
  })
  const onLogits = (label: string, out: () => Buffer, build: (ops: Ops & LogitOps, out: Buffer) => void) => {
    if (rankable(config) === 0 || !hasLogitOps(backend)) return undefined
    return once((): Output => {
      const buffer = out()
      const program = backend.record(label, (ops) => {
        ops.logits(all)
        build(ops, buffer)
      })
      return { program, buffer }
    })
  }

  return {
    logits: output(logits, (ops) => ops.logits(all)),
    ranked: output(ranked, (ops) => ops.top({ ...top, count, out: ranked })),
    picked: output(picked, (ops) => ops.top({ ...top, count: 1, out: picked })),
    drawn: output(drawn, (ops) => {
      ops.top({ ...top, count, out: ranked })
      ops.draw({ ranked, out: drawn })
    }),
    edited: onLogits(
      'edited',
      () => drawn,
      (ops, out) => {
        ops.edit({ logits, most: MOST_CHANGES })
        ops.rank({ logits, limit, count, out: ranked })
        ops.draw({ ranked, out })
      },
    ),
    summed: onLogits(
      'summed',
      () => backend.buffer('sum', HEAD_ROWS, 1),
      (ops, out) => {
        ops.rank({ logits, limit, count, out: ranked })
        ops.logSum({ logits, limit, out })
      },
    ),
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
