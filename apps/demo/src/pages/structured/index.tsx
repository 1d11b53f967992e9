import { useRef, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useLab, useLabModel } from '../../lab/use-lab.js'
import { Button } from '../../parts/button.js'
import { Card, PageFrame } from '../../parts/card.js'
import { CopyButton } from '../../parts/copy-button.js'
import { Field, Select, Slider } from '../../parts/field.js'
import { Notice } from '../../parts/notice.js'
import { EXAMPLES, type ExampleName } from './examples.js'
import type { Grown, GrownToken } from './grow.js'
import { StepView } from './step-view.js'
import './structured.css'

const NAMES = Object.fromEntries(Object.entries(EXAMPLES).map(([name, { title }]) => [name, title])) as Record<
  ExampleName,
  string
>

/** A schema, and the text that grows under it. */
export function Page() {
  const { title, model } = useLabModel()
  const lab = useLab()
  const [example, setExample] = useState<ExampleName>('drawing')
  const [schema, setSchema] = useState(() => schemaText('drawing'))
  const [prompt, setPrompt] = useState<string>(EXAMPLES.drawing.prompt)
  const [temperature, setTemperature] = useState(1)
  const [tokens, setTokens] = useState<readonly GrownToken[]>([])
  const [at, setAt] = useState<number>()
  const [grown, setGrown] = useState<Grown>()
  const [failure, setFailure] = useState<string>()
  const [running, setRunning] = useState<AbortController>()
  const seed = useRef(1)

  const grow = async (): Promise<void> => {
    const abort = new AbortController()
    setRunning(abort)
    setFailure(undefined)
    setGrown(undefined)
    setTokens([])
    setAt(undefined)
    try {
      const args = { model, schema, prompt, temperature, seed: seed.current++, most: 400 }
      const result = await lab.call('grow', args, {
        signal: abort.signal,
        onItem: (token) => setTokens((before) => [...before, token]),
      })
      setGrown(result)
    } catch (error) {
      if (!abort.signal.aborted) setFailure(failureOf(error).message)
    } finally {
      setRunning(undefined)
    }
  }
  const shown = at ?? tokens.length - 1
  const text = tokens.map((token) => (isEnd(token) ? '' : token.text)).join('')

  return (
    <PageFrame
      title="Structured"
      lead="Under a schema the model can only write what fits it. At every step the tokens that may come next are known before one is drawn."
    >
      <div class="columns">
        <Card title="The schema">
          <Select
            label="An example"
            value={example}
            options={NAMES}
            onChange={(name) => {
              setExample(name)
              setSchema(schemaText(name))
              setPrompt(EXAMPLES[name].prompt)
            }}
          />
          <Field label="JSON Schema">
            {({ id }) => (
              <textarea
                class="input mono schema"
                id={id}
                rows={14}
                spellcheck={false}
                value={schema}
                onInput={(event) => setSchema(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="What is asked">
            {({ id }) => (
              <input class="input" id={id} value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />
            )}
          </Field>
          <Slider
            label="Temperature"
            min={0}
            max={2}
            step={0.1}
            value={temperature}
            format={(value) => value.toFixed(1)}
            onInput={setTemperature}
          />
          <div class="row">
            {running ? (
              <Button kind="main" icon="stop" onClick={() => running.abort()}>
                Stop
              </Button>
            ) : (
              <Button kind="main" icon="play" onClick={() => void grow()}>
                Write
              </Button>
            )}
            <span class="soft small">with {title}</span>
          </div>
          {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
        </Card>
        <Card title="What it writes" aside={text !== '' && <CopyButton label="Copy the JSON" text={text} />}>
          <Growing tokens={tokens} at={shown} onChoose={setAt} />
          <p class="soft small" role="status">
            {grown && summary(grown, tokens.length)}
          </p>
          {tokens[shown] && <StepView token={tokens[shown]} number={shown + 1} />}
        </Card>
      </div>
      {title === 'tiny-vision' && (
        <p class="soft small">
          tiny-vision knows drawings, not the world: what it writes is nonsense that fits the schema. Load a larger
          model above for sense.
        </p>
      )}
    </PageFrame>
  )
}

const schemaText = (name: ExampleName): string => JSON.stringify(EXAMPLES[name].schema, undefined, 2)

const isEnd = ({ choices, text }: GrownToken): boolean =>
  text === 'the end' && choices.some((choice) => choice.text === 'the end')

const summary = ({ isComplete, forced }: Grown, count: number): string =>
  `${isComplete ? 'Complete: it fits the schema.' : 'Cut: there was no more room.'} ${count} tokens, ${Math.round(forced * 100)} % of them the only way on.`

function Growing(props: {
  readonly tokens: readonly GrownToken[]
  readonly at: number
  readonly onChoose: (at: number) => void
}) {
  const { tokens, at, onChoose } = props
  if (tokens.length === 0)
    return (
      <p class="soft">
        Press “Write”, and the answer grows here. Point at any of its tokens to see what else could have come.
      </p>
    )
  return (
    <div
      class="grown mono"
      tabIndex={0}
      role="group"
      aria-label="The answer, token by token; arrow keys go through it"
      onKeyDown={(event) => {
        const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
        if (by === 0) return
        event.preventDefault()
        onChoose(Math.max(0, Math.min(tokens.length - 1, at + by)))
      }}
    >
      {tokens.map((token, index) => (
        <span
          key={index}
          class={`grown-token${token.isForced ? ' grown-forced' : ''}${index === at ? ' grown-at' : ''}${isEnd(token) ? ' grown-end' : ''}`}
          onPointerEnter={() => onChoose(index)}
          onClick={() => onChoose(index)}
        >
          {isEnd(token) ? '■' : token.text}
        </span>
      ))}
    </div>
  )
}
