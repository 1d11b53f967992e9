import { G3Error } from '@g3/backend'
import type { Redis } from 'ioredis'
import { ApiError } from '../api-error.js'

/** A connection to Valkey or Redis for short commands. */
export interface Valkey {
  /** @throws ApiError 503 where it cannot be reached, 507 where its memory is full */
  ask<T>(does: (redis: Redis) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface ValkeyOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string
  /** Told of what an operator should know. */
  note(message: string): void
}

/** The packages that speak to it are loaded when they are needed, and only then needed. */
export async function optional<T>(load: () => Promise<T>): Promise<T> {
  return load().catch((cause: unknown) => {
    throw new G3Error('batch/no-package', '--batch-queue needs two packages more: npm install bullmq ioredis', {
      cause,
    })
  })
}

/** Waits between attempts to connect, and gives up never: a server without its queue still answers all else. */
export const reconnect = (attempt: number): number => Math.min(100 * attempt, 2000)

/** Without the password. */
export function hostOf(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** @throws G3Error `batch/no-package`, `batch/bad-queue`, `batch/no-queue` */
export async function connectValkey({ url, note }: ValkeyOptions): Promise<Valkey> {
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new G3Error('batch/bad-queue', '--batch-queue is an address such as redis://127.0.0.1:6379')
  const { Redis } = await optional(() => import('ioredis'))
  const redis = new Redis(url, {
    maxRetriesPerRequest: 2,
    connectTimeout: 5000,
    commandTimeout: 10_000,
    retryStrategy: reconnect,
  })
  let isLost = false
  redis.on('error', (problem: Error) => {
    if (!isLost) note(`${hostOf(url)} is out of reach: ${problem.message}; trying on.`)
    isLost = true
  })
  redis.on('ready', () => {
    isLost = false
  })
  try {
    const about = await redis.info('persistence')
    if (/aof_enabled:0/.test(about))
      note(`${hostOf(url)} keeps no log: batches are lost where it dies. Set appendonly yes there.`)
  } catch (cause) {
    redis.disconnect()
    throw new G3Error('batch/no-queue', `cannot work with ${hostOf(url)}: ${String(cause)}; is it up?`, { cause })
  }
  return {
    ask: (does) => does(redis).catch((problem: unknown) => Promise.reject(valkeyFailure(problem))),
    close: async () => redis.disconnect(),
  }
}

function valkeyFailure(problem: unknown): unknown {
  if (!(problem instanceof Error)) return problem
  if (problem.message.startsWith('OOM'))
    return new ApiError(507, 'server_error', 'the queue’s memory is full: delete files', { code: 'storage_full' })
  // What the server replied is our mistake; all else is about the connection.
  if (problem.name === 'ReplyError' && !/^(?:LOADING|READONLY|MASTERDOWN)/.test(problem.message)) return problem
  return new ApiError(503, 'server_error', 'the queue is out of reach; try again', {
    code: 'queue_unreachable',
    retryAfter: 5,
  })
}
