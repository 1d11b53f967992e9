import { useEffect, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useLab, useLabModel } from '../../lab/use-lab.js'
import { Card, PageFrame } from '../../parts/card.js'
import { CopyButton } from '../../parts/copy-button.js'
import { Field } from '../../parts/field.js'
import { Notice } from '../../parts/notice.js'
import { Languages } from './languages.js'
import { PieceList } from './piece-list.js'
import type { Cut, Pieces } from './pieces.js'
import './tokenizer.css'

const TEXTS = [
  'The naïve café opened in 1987 — 🎉 three streets away.',
  'the naive cafe opened in 1987 - three streets away.',
] as const

/** A text in pieces, beside another one, and what the same sentence costs in many languages. */
export function Page() {
  const { title, model } = useLabModel()
  const lab = useLab()
  const [texts, setTexts] = useState<readonly string[]>(TEXTS)
  const [special, setSpecial] = useState(true)
  const [found, setFound] = useState<Pieces>()
  const [failure, setFailure] = useState<string>()
  const key = `${model.id} ${special} ${JSON.stringify(texts)}`

  useEffect(() => {
    const abort = new AbortController()
    // Who types fast is not answered for each letter.
    const timer = setTimeout(() => {
      lab.call('pieces', { model, texts, special, bos: false }, { signal: abort.signal }).then(
        (result) => {
          setFound(result)
          setFailure(undefined)
        },
        (error: unknown) => !abort.signal.aborted && setFailure(failureOf(error).message),
      )
    }, 60)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [key])

  return (
    <PageFrame
      title="Tokenizer"
      lead="A model reads pieces, not letters. Each colour is one piece of its vocabulary; point at one to see its number and bytes."
    >
      {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
      <p class="soft small">
        The vocabulary is that of {title}
        {found && `: ${found.vocabulary.toLocaleString('en')} pieces`}.{' '}
        {title === 'tiny-vision' && 'It is a small cut of Gemma’s own; load another model above for all 262,144.'}
      </p>
      <div class="columns">
        {texts.map((text, index) => (
          <TextCard
            key={index}
            name={index === 0 ? 'Text' : 'Another text'}
            text={text}
            cut={found?.cuts[index]}
            onInput={(next) => setTexts(texts.with(index, next))}
          />
        ))}
      </div>
      <label class="check">
        <input type="checkbox" checked={special} onChange={({ currentTarget }) => setSpecial(currentTarget.checked)} />
        Read markers such as &lt;start_of_turn&gt; as special tokens
      </label>
      <p role="status" class="compare">
        {comparison(found?.cuts)}
      </p>
      {found && <Languages languages={found.languages} />}
    </PageFrame>
  )
}

function TextCard(props: {
  readonly name: string
  readonly text: string
  readonly cut: Cut | undefined
  readonly onInput: (text: string) => void
}) {
  const { name, text, cut, onInput } = props
  return (
    <Card
      title={name}
      aside={cut && <CopyButton label="Copy the ids" text={JSON.stringify(cut.pieces.map(({ id }) => id))} />}
    >
      <Field label="Write or paste" {...(cut && { value: `${cut.characters} characters · ${cut.bytes} bytes` })}>
        {({ id }) => (
          <textarea
            class="input"
            id={id}
            rows={3}
            value={text}
            onInput={(event) => onInput(event.currentTarget.value)}
          />
        )}
      </Field>
      {cut && (
        <>
          <p class="token-count">
            <strong class="numbers">{cut.pieces.length}</strong> tokens
          </p>
          <PieceList pieces={cut.pieces} label={`Pieces of ${name.toLowerCase()}`} />
        </>
      )}
    </Card>
  )
}

function comparison(cuts: readonly Cut[] | undefined): string {
  const [first, second] = cuts?.map(({ pieces }) => pieces.length) ?? []
  if (!first || !second) return ''
  if (first === second) return 'Both texts take as many tokens.'
  const more = Math.abs(first - second)
  const share = Math.round((more / Math.min(first, second)) * 100)
  return `The ${first > second ? 'first' : 'second'} text takes ${more} token${more === 1 ? '' : 's'} more, ${share} %.`
}
