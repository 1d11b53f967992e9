export { choice, type ChoiceItem, type Choices, type Chosen } from './choice.js'
export {
  generate,
  type Answers,
  type GenerateEvaluation,
  type GenerateItem,
  type Metric,
  type Written,
} from './generate.js'
export { share, tally, type Estimated, type Tally } from './intervals.js'
export { kl, type Divergence, type KlOptions } from './kl.js'
export { perplexity, type Perplexity, type PerplexityOptions } from './perplexity.js'
export { choiceItems, generateItems, RECIPES, textItems, type Recipe, type RecipeName } from './tasks.js'
export type { EvaluateOptions, Subject } from './subject.js'
export { logSumExp } from '../log-sum-exp.js'
export { jsonLines, type JsonRow, type NamedRow } from '../data/json-lines.js'
