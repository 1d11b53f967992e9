import type { Tokenizer } from '@g3/tokenizer'

/** Plain English, so that a prompt has common words; what it says has no influence on the speed. */
const PARAGRAPH =
  ' The harbour lies quiet before the sun comes up. Fishing boats rock against the wooden pier, their nets folded on ' +
  'deck, and a single lamp burns in the window of the office where the tide tables hang. An old dog sleeps across the ' +
  'doorstep. Nobody has crossed it today, but soon the market will open, and then every crate of ice and mackerel has ' +
  'to pass over him.'

/** A prompt of exactly `length` tokens, the beginning-of-sequence id first, and its text without that. */
export function benchPrompt(
  tokenizer: Tokenizer,
  length: number,
): { readonly prompt: number[]; readonly promptText: string } {
  const paragraph = tokenizer.encode(PARAGRAPH)
  const ids = Array.from({ length: length - 1 }, (_, i) => paragraph[i % paragraph.length])
  return { prompt: [tokenizer.bos, ...ids], promptText: tokenizer.decode(ids) }
}
