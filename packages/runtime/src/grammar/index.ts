export { constraints, type Constraint, type Constraints } from './constraint.js'
export { compileGbnf } from './gbnf/compile.js'
export {
  tokenizerVocabulary,
  vocabulary,
  type TokenizerLike,
  type Vocabulary,
  type VocabularyParts,
} from './mask/vocabulary.js'
export type { Grammar } from './part.js'
export { compileRegex } from './regex/grammar.js'
export { compileSchema, type SchemaOptions } from './schema/compile.js'
export type { StandardSchema } from './schema/standard.js'
export { spellJson } from './schema/literals.js'
