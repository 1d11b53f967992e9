/**
 * @typedef {{ specifier: string, typeOnly: boolean }} Import
 */

const STATIC = /^(import|export)\s+(type\s+)?(?:[^'"`;=()]*?\sfrom\s+)?'([^'\n]+)'/gm
const DYNAMIC = /\bimport\(\s*'([^'\n]+)'/g
const COMMENT_LINE = /^\s*(?:\/\/|\/?\*).*$/gm

/**
 * The imports of a module in this repository's style (single quotes, statements at the start of a line). TypeScript 7
 * has no parser for JavaScript tools, and one regular expression is enough for sources of one style.
 * @param {string} source
 * @returns {Import[]}
 */
export function importsOf(source) {
  const code = source.replace(COMMENT_LINE, '')
  const found = [...code.matchAll(STATIC)].map(([, , type, specifier]) => ({ specifier, typeOnly: type !== undefined }))
  // `import('x').Y` in a type position is erased, but telling it apart needs a parser; none of the sources uses it for
  // a cycle.
  return found.concat([...code.matchAll(DYNAMIC)].map(([, specifier]) => ({ specifier, typeOnly: false })))
}
