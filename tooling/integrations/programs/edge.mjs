import { parts } from './parts.mjs'

// A worker at the edge: the model's file is what it is sent.
export default {
  fetch: async (request) => Response.json(await parts(new Uint8Array(await request.arrayBuffer()))),
}
