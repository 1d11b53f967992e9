import { rateText, secondsText } from '../../app/format.js'
import type { AnswerFacts } from '../../chat/conversation.js'

const STOPS: Readonly<Record<AnswerFacts['stop'], string>> = {
  stop: '',
  length: 'cut at the longest answer',
  context: 'the context is full',
  aborted: 'stopped',
}

/** How an answer went: how fast, how much, how much was remembered. */
export function AnswerFactsLine({ facts }: { readonly facts: AnswerFacts }) {
  const { model, tokens, promptTokens, cachedTokens, firstMs, tokensPerSecond, stop } = facts
  const parts = [
    model,
    `${tokens} ${tokens === 1 ? 'token' : 'tokens'}`,
    tokensPerSecond > 0 && rateText(tokensPerSecond),
    tokens > 0 && `first after ${secondsText(firstMs)}`,
    `${promptTokens - cachedTokens} of ${promptTokens} read anew`,
    STOPS[stop],
  ]
  return <p class="facts">{parts.filter(Boolean).join(' · ')}</p>
}
