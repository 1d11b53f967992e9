/**
 * What Python's `str.strip` removes: the template's `trim` is that. It differs from JavaScript's `trim`, which leaves
 * U+001C to U+001F and U+0085 in place and removes U+FEFF.
 * (https://docs.python.org/3/library/stdtypes.html#str.isspace)
 */
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

/** Scans from both ends: a regular expression anchored at the end would look at every inner run of spaces. */
export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && SPACE.test(text.charAt(start))) start++
  while (end > start && SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
