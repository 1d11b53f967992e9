// The site's service worker: the site works without a network after the first visit, and its pages are isolated from others, so
// that threads may share memory, on servers that cannot be told to send headers.
import { isolated, part } from './answers.js'

/** The part of a service worker's scope in use; TypeScript's types of it exclude those of pages. */
interface Scope {
  readonly caches: CacheStorage
  readonly registration: { readonly scope: string }
  readonly clients: { claim(): Promise<void> }
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void
  addEventListener(type: 'fetch', listener: (event: Asked) => void): void
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void
}
interface Asked {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}
declare const self: Scope

/** Put here by the build: a name that changes with any file, and the files of the site. */
declare const SITE_VERSION: string
declare const SITE_FILES: readonly string[]

const PREFIX = 'g3 site '
const CACHE = PREFIX + SITE_VERSION
const HOME = './index.html'

self.addEventListener('install', (event) => event.waitUntil(fill()))
self.addEventListener('activate', (event) => event.waitUntil(takeOver()))
self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  // Models of other sites go by: they are kept in files, and a copy in a cache would be a second one.
  if (request.method !== 'GET' || !url.href.startsWith(self.registration.scope)) return
  event.respondWith(answer(request))
})

async function fill(): Promise<void> {
  const cache = await self.caches.open(CACHE)
  await cache.addAll(SITE_FILES.map((file) => new Request(file, { cache: 'no-cache' })))
}

/** Runs once no page of the version before is open, so none misses its files. */
async function takeOver(): Promise<void> {
  const names = await self.caches.keys()
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => self.caches.delete(name)),
  )
  await self.clients.claim()
}

async function answer(request: Request): Promise<Response> {
  const cache = await self.caches.open(CACHE)
  const wanted = request.mode === 'navigate' ? HOME : request
  const kept = await cache.match(wanted, { ignoreSearch: true, ignoreVary: true })
  if (kept) return isolated(await part(kept, request.headers.get('range')))
  return isolated(await fetch(request))
}
