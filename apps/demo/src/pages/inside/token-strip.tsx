import { headWeights, shades } from './attention.js'
import type { LayerView, Looked } from './look.js'

/** The text, token by token, in the shades of what a layer's heads look at together. */
export function TokenStrip(props: {
  readonly looked: Looked
  readonly layer: LayerView | undefined
  readonly onChoose: (position: number) => void
}) {
  const { looked, layer, onChoose } = props
  const weights = layer ? headWeights(layer, looked.heads, undefined) : new Float32Array(0)
  const shade = shades(weights)
  return (
    <ol class="strip-tokens" aria-label="Tokens of the text: choose one to look at it">
      {looked.tokens.map(({ text, kind }, position) => {
        const share = weights[position]
        const words = `token ${position}${share === undefined ? '' : `, ${(100 * share).toFixed(1)} % of attention`}`
        return (
          <li key={position}>
            <button
              type="button"
              class={`strip-token strip-${kind}${position >= looked.promptTokens ? ' strip-new' : ''}`}
              aria-current={position === looked.at ? 'true' : undefined}
              disabled={kind === 'image'}
              title={words}
              aria-label={`${text.trim() || 'space'}: ${words}`}
              onClick={() => onChoose(position)}
            >
              <span class="strip-shade" style={{ opacity: shade[position] ?? 0 }} />
              <span class="strip-text">{shown(text, kind)}</span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}

const shown = (text: string, kind: string): string =>
  kind === 'image'
    ? '▦'
    : text
        .replaceAll('\n', '⏎')
        .replace(/^ /, '␣')
        .replace(/^(?=$)/, '∅')
