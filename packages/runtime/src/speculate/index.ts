export { draftModel } from './draft-model.js'
export type { Draft, DraftedText, Drafter } from './drafter.js'
export { promptLookup, type LookupOptions } from './prompt-lookup.js'
