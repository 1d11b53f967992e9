import { generate } from './generate.mjs'

// Answers /generated with what the model writes.
addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => {
  if (!event.request.url.endsWith('/generated')) return
  event.respondWith(
    fetch('/model.gguf')
      .then((answer) => answer.arrayBuffer())
      .then((bytes) => generate(new Uint8Array(bytes), { threads: 1 }))
      .catch((error) => ({ error: `${error.code ?? error.name}: ${error.message}` }))
      .then((result) => Response.json(result)),
  )
})
