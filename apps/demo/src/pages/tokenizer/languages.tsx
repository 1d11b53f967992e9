import { Card } from '../../parts/card.js'
import type { LanguageCost } from './pieces.js'

/** One sentence in many languages, and how many tokens each needs for it. */
export function Languages({ languages }: { readonly languages: readonly LanguageCost[] }) {
  const most = Math.max(...languages.map(({ tokens }) => tokens))
  return (
    <Card title="What a sentence costs">
      <p class="soft">
        The same sentence in {languages.length} languages. What a language takes in tokens, it takes in time, memory and
        context.
      </p>
      <table class="costs">
        <thead>
          <tr>
            <th scope="col">Language</th>
            <th scope="col" class="costs-number">
              Tokens
            </th>
            <th scope="col" class="costs-number">
              each letter
            </th>
            <th scope="col" class="costs-bar-head">
              <span class="hidden">Share of the most</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {languages.map(({ language, tag, text, tokens, characters }) => (
            <tr key={tag} title={text}>
              <th scope="row">{language}</th>
              <td class="costs-number">{tokens}</td>
              <td class="costs-number">{(tokens / characters).toFixed(2)}</td>
              <td>
                <svg class="costs-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(100 * tokens) / most} height="8" rx="1" />
                </svg>
                <span class="costs-text" lang={tag} dir="auto">
                  {text}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
