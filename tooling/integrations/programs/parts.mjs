import { pool, poolPages } from '@g3/kv-cache'
import { openModel } from '@g3/runtime'
import { compileSchema, constraints, tokenizerVocabulary } from '@g3/runtime/grammar'
import { bytesSource } from '@g3/runtime/gguf'

// What runs where no WebAssembly may be compiled: tokenizer, cache and grammar.

/** @param {Uint8Array} bytes of a GGUF */
export async function parts(bytes) {
  const { tokenizer } = await openModel(bytesSource(bytes, 'tiny.gguf'))
  const ids = [...tokenizer.encode('Hello, <start_of_turn> wörld! 123')]
  const grammar = compileSchema({ type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] })
  const constraint = constraints(grammar, tokenizerVocabulary(tokenizer)).start()
  const allowed = Array.from({ length: tokenizer.size }, (_, id) => id).filter((id) => constraint.allows(id))
  const room = { context: 1024, maxRows: 64, sequences: 1, checkpoints: 0 }
  const texts = pool({ ...room, caches: [{ pages: poolPages(room) }] })
  const step = texts.placement(64, 1)
  texts.sequence().append(step, ids.length)
  return { ids, text: tokenizer.decode(ids), allowed, slots: [...step.views[0].slots.subarray(0, ids.length)] }
}
