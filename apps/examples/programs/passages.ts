/** A paragraph of a file. */
export interface Passage {
  readonly file: string
  readonly text: string
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** The paragraphs of a text, which blank lines part. */
export const passagesOf = (file: string, text: string): readonly Passage[] =>
  text
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => ({ file, text: part }))

/**
 * The passages that fit a question best, best first, those with no word of it left out. BM25 with its usual constants
 * (Robertson and Zaragoza, 2009: k1 = 1.2, b = 0.75): needs no model, and a small one would not rank better.
 */
export function bestPassages(passages: readonly Passage[], question: string, count: number): readonly Passage[] {
  const texts = passages.map(({ text }) => wordsOf(text))
  const meanLength = texts.reduce((sum, words) => sum + words.length, 0) / Math.max(1, texts.length)
  const weights = [...new Set(wordsOf(question))].map((word) => {
    const holding = texts.filter((words) => words.includes(word)).length
    return { word, weight: Math.log(1 + (texts.length - holding + 0.5) / (holding + 0.5)) }
  })
  const scoreOf = (words: readonly string[]): number =>
    weights.reduce((sum, { word, weight }) => {
      const times = words.filter((other) => other === word).length
      return sum + (weight * times * 2.2) / (times + 1.2 * (0.25 + (0.75 * words.length) / meanLength))
    }, 0)
  return passages
    .map((passage, index) => ({ passage, score: scoreOf(texts[index] ?? []) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ passage }) => passage)
}
