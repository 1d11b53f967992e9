import { lookup } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { ApiError, badRequest } from './api-error.js'

/** Fetches an image that a client names. @throws ApiError 400 */
export type FetchImage = (url: URL, where: string, signal: AbortSignal) => Promise<Uint8Array>

export interface RemoteImageOptions {
  /** Names of hosts that images are taken from, in lower case. */
  readonly hosts: readonly string[]
  readonly mostBytes: number
  readonly timeoutMs?: number
  /** What asks for a URL; https where it is left out, which tests without certificates cannot have. */
  readonly get?: typeof get
  /** Whether an address may be asked; those that the world can reach where it is left out. */
  readonly isAllowed?: (address: string) => boolean
}

const TIMEOUT_MS = 15_000

type Nets = readonly (readonly [net: string, prefix: number])[]

/** What is no address of another machine in the world. Source: IANA's special-purpose address registries (RFC 6890). */
const SPECIAL_V4: Nets = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
const GLOBAL_V6: Nets = [['2000::', 3]]
/** Of these, what carries an IPv4 address inside or is for examples. */
const SPECIAL_V6: Nets = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
]

/** Whether an address is one of the public internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !lies(address, SPECIAL_V4, 'ipv4')
  return family === 6 && lies(address, GLOBAL_V6, 'ipv6') && !lies(address, SPECIAL_V6, 'ipv6')
}

function lies(address: string, nets: Nets, family: 'ipv4' | 'ipv6'): boolean {
  const list = new BlockList()
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, family)
  return list.check(address, family)
}

/**
 * Images from hosts that the server's owner has named, and from nowhere else: without redirects, and never from an address
 * inside a network, whatever the name resolves to. The address that is checked is the one that is connected to.
 */
export function remoteImages({
  hosts,
  mostBytes,
  timeoutMs = TIMEOUT_MS,
  get: request = get,
  isAllowed = isPublic,
}: RemoteImageOptions): FetchImage {
  const refusedAddress = new Error('its address is none of the public internet')

  const checkedLookup: LookupFunction = (name, options, callback) =>
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address)))
        return callback(refusedAddress, [])
      if (options.all) callback(null, addresses)
      else callback(null, addresses[0].address, addresses[0].family)
    })

  const answer = (url: URL, signal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { accept: 'image/*', 'user-agent': 'g3' }
      // A connection of its own: one that is kept would not be looked up again.
      request(url, { headers, signal, agent: false, lookup: checkedLookup }, resolve).on('error', reject)
    })

  return async (url, where, client) => {
    const failed = (why: string): ApiError => badRequest(`the image could not be fetched: ${why}`, where, 'image_fetch')
    const host = url.hostname.toLowerCase()
    if (!hosts.includes(host) || url.username !== '' || url.password !== '')
      throw badRequest(`this server fetches no images from ${host}; send a data URL`, where, 'image_host')
    // An address as a host is never looked up, and so not checked.
    if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) throw failed('give a name, not an address')
    const signal = AbortSignal.any([client, AbortSignal.timeout(timeoutMs)])
    try {
      const message = await answer(url, signal)
      const { statusCode = 0 } = message
      if (statusCode !== 200) {
        message.destroy()
        const redirect = statusCode >= 300 && statusCode < 400
        throw failed(redirect ? 'it is redirected, which is not followed' : `the host answered ${statusCode}`)
      }
      const pieces: Buffer[] = []
      let bytes = 0
      for await (const piece of message as AsyncIterable<Buffer>) {
        bytes += piece.byteLength
        if (bytes > mostBytes) throw failed(`it has more than ${mostBytes} bytes`)
        pieces.push(piece)
      }
      return Buffer.concat(pieces)
    } catch (problem) {
      client.throwIfAborted()
      if (signal.aborted) throw failed(`it took longer than ${timeoutMs / 1000} s`)
      if (problem instanceof ApiError) throw problem
      throw failed(problem === refusedAddress ? refusedAddress.message : 'the host does not answer')
    }
  }
}
