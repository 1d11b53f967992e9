import type { Server } from 'node:http'
import { serve as listen } from '@hono/node-server'
import { G3Error } from '@g3/backend'

export interface Listening {
  readonly port: number
  /** Takes no new connections; resolves when those that there are have ended. */
  close(): Promise<void>
}

export interface ListenOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Who sends a head more slowly than this is cut off. */
  readonly headMs?: number
}

const HEAD_MS = 15_000
/** The same for a head with its body. */
const REQUEST_MS = 60_000
const IDLE_MS = 10_000
const CHECK_MS = 5_000

/** @throws G3Error `cli/port` where it cannot listen there */
export function startServer(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port, headMs = HEAD_MS }: ListenOptions,
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    // Node looks for the slow every 30 seconds only, unless told.
    const serverOptions = { headersTimeout: headMs, connectionsCheckingInterval: Math.min(headMs, CHECK_MS) }
    const server = listen({ fetch, hostname: host, port, serverOptions }, (address) => {
      resolve({
        port: address.port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            httpOf(server).closeIdleConnections()
          }),
      })
    })
    const http = httpOf(server)
    http.requestTimeout = REQUEST_MS
    http.keepAliveTimeout = IDLE_MS
    http.on('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new G3Error('cli/port', `cannot listen on ${host}:${port}: ${cause.message}; choose another --port or --host`, {
          cause,
        }),
      ),
    )
  })
}

const httpOf = (server: unknown): Server => server as Server
