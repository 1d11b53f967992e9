// What the demo site's bench is made of, too: nothing here needs Node or a page.
export { ggufFacts, type ModelFacts } from './gguf-facts.js'
export { benchPrompt } from './prompt.js'
export { decodeBytes, prefillMacs } from './roofline/model-work.js'
export { openThreadProbe, type ThreadRates } from './roofline/probe-program.js'
export { median, spread, type Spread } from './spread.js'
