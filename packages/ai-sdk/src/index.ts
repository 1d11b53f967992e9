export { g3, type G3Settings } from './language-model.js'
export type { G3Model } from './constrained.js'
export type { G3ProviderOptions } from './provider-options.js'
