import { marked, type Token, type Tokens } from 'marked'
import type { ComponentChildren } from 'preact'
import { memo } from 'preact/compat'
import { CodeBlock } from './code-block.js'
import { safeAddress } from './address.js'

/**
 * Text of a model, as Markdown. It is foreign text: marked only takes it apart, elements are made here, one kind at a time, and
 * HTML in it is shown as the characters that it is. So there is nothing to sanitise.
 */
export function Markdown({ text }: { readonly text: string }) {
  // Only the last block of a growing text changes: those before are not drawn again.
  return (
    <div class="markdown">
      {marked.lexer(text).map((token, i) => (
        <Block key={i} raw={token.raw} token={token} />
      ))}
    </div>
  )
}

const Block = memo(
  ({ token }: { readonly raw: string; readonly token: Token }) => <>{blockOf(token)}</>,
  (before, after) => before.raw === after.raw,
)

/** The tokens that marked makes; its type for a token is open to extensions, of which there are none. */
type Known =
  | Tokens.Blockquote
  | Tokens.Br
  | Tokens.Code
  | Tokens.Codespan
  | Tokens.Del
  | Tokens.Em
  | Tokens.Escape
  | Tokens.Heading
  | Tokens.Hr
  | Tokens.Link
  | Tokens.Image
  | Tokens.List
  | Tokens.Paragraph
  | Tokens.Space
  | Tokens.Strong
  | Tokens.Table
  | Tokens.Text

const inline = (tokens: readonly Token[] | undefined): ComponentChildren =>
  tokens?.map((token, i) => <span key={i}>{inlineOf(token as Known)}</span>)

const blocks = (tokens: readonly Token[]): ComponentChildren =>
  tokens.map((token, i) => <Block key={i} raw={token.raw} token={token} />)

function blockOf(token: Token): ComponentChildren {
  const known = token as Known
  switch (known.type) {
    case 'space':
      return null
    case 'heading': {
      // The page has its own h1 and h2.
      const Heading = `h${Math.min(6, known.depth + 2)}` as 'h3'
      return <Heading>{inline(known.tokens)}</Heading>
    }
    case 'paragraph':
      return <p>{inline(known.tokens)}</p>
    case 'code':
      return <CodeBlock code={known.text} language={known.lang ?? ''} />
    case 'blockquote':
      return <blockquote>{blocks(known.tokens)}</blockquote>
    case 'hr':
      return <hr />
    case 'list':
      return listOf(known)
    case 'table':
      return tableOf(known)
    case 'text':
      return known.tokens ? inline(known.tokens) : known.text
    default:
      return inlineOf(known)
  }
}

function listOf({ ordered, start, items, loose }: Tokens.List): ComponentChildren {
  const parts = items.map((item, i) => (
    <li key={i}>
      {item.task && <input type="checkbox" disabled checked={item.checked ?? false} aria-label="done" />}
      {blocks(item.tokens.filter(({ type }) => type !== 'checkbox'))}
    </li>
  ))
  const style = loose ? 'loose' : 'tight'
  return ordered ? (
    <ol class={style} start={start === '' ? 1 : start}>
      {parts}
    </ol>
  ) : (
    <ul class={style}>{parts}</ul>
  )
}

const tableOf = ({ header, rows }: Tokens.Table): ComponentChildren => (
  <div class="markdown-table" tabIndex={0} role="region" aria-label="Table">
    <table>
      <thead>
        <tr>
          {header.map(({ tokens, align }, i) => (
            <th key={i} class={align ? `align-${align}` : undefined}>
              {inline(tokens)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}>
            {row.map(({ tokens, align }, j) => (
              <td key={j} class={align ? `align-${align}` : undefined}>
                {inline(tokens)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

function inlineOf(token: Known): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>
    case 'em':
      return <em>{inline(token.tokens)}</em>
    case 'del':
      return <del>{inline(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'link': {
      const address = safeAddress(token.href)
      return address === undefined ? (
        token.raw
      ) : (
        <a href={address} target="_blank" rel="noopener noreferrer nofollow">
          {inline(token.tokens)}
        </a>
      )
    }
    case 'image':
      // A model's text must not make the page fetch anything.
      return `[image: ${token.text || token.href}]`
    case 'text':
      return token.tokens ? inline(token.tokens) : token.text
    case 'escape':
      return token.text
    default:
      return token.raw
  }
}
