import { check } from '@g3/backend'
import { text, type Grammar } from '../part.js'
import { automaton } from '../regular/automaton.js'
import { languages } from '../regular/languages.js'
import { regexLanguage } from './compile.js'

/**
 * The texts that a regular expression matches as a whole, ^ and $ or not.
 * @throws G3Error `grammar/bad-regex`, `grammar/unsupported`, `grammar/too-large`, `grammar/empty`
 */
export function compileRegex(source: string): Grammar {
  const machine = automaton(languages())
  const language = regexLanguage(machine.languages, `^(?:${source})$`, 'plain')
  check(!machine.isEmpty(language), 'grammar/empty', `no text matches ${source}`)
  return { automaton: machine, rules: [], root: text(language) }
}
