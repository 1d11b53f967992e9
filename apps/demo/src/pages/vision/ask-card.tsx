import { useEffect, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useServices } from '../../app/services.js'
import type { ModelChoice } from '../../engine/engine.js'
import { Button } from '../../parts/button.js'
import { Card } from '../../parts/card.js'
import { Field } from '../../parts/field.js'
import { Notice } from '../../parts/notice.js'

const QUESTIONS = ['Describe the image.', 'How many are there?', 'What does it say?'] as const

/** Asks the model about the picture. */
export function AskCard({
  image,
  scan,
  choice,
}: {
  readonly image: Blob
  readonly scan: boolean
  readonly choice: ModelChoice
}) {
  const { engine } = useServices()
  const [question, setQuestion] = useState<string>(QUESTIONS[0])
  const [answer, setAnswer] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string>()
  useEffect(() => setAnswer(''), [image])

  const ask = async (text: string): Promise<void> => {
    setBusy(true)
    setFailure(undefined)
    setAnswer('')
    try {
      const state = engine.state.peek()
      const model = state.kind === 'ready' && state.choice.id === choice.id ? state.model : await engine.load(choice)
      // Why it could not be loaded is told where models are chosen, too.
      if (model === undefined) throw new Error('the model could not be loaded: choose it once more above')
      const picture = await model.picture(image, { panAndScan: scan })
      const content = [
        { type: 'image', image: picture },
        { type: 'text', text },
      ] as const
      let said = ''
      for await (const chunk of model.generate([{ role: 'user', content }], { temperature: 0, maxTokens: 100 })) {
        said += chunk.text
        setAnswer(said)
      }
    } catch (error) {
      setFailure(failureOf(error).message)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Card title="Ask about it">
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault()
          void ask(question)
        }}
      >
        <Field label="Question">
          {({ id }) => (
            <input class="input" id={id} value={question} onInput={(event) => setQuestion(event.currentTarget.value)} />
          )}
        </Field>
        <Button type="submit" kind="main" disabled={isBusy || question.trim() === ''}>
          {isBusy ? 'One moment…' : 'Ask'}
        </Button>
      </form>
      <div class="row">
        {QUESTIONS.map((each) => (
          <Button
            key={each}
            small
            disabled={isBusy}
            onClick={() => {
              setQuestion(each)
              void ask(each)
            }}
          >
            {each}
          </Button>
        ))}
      </div>
      <p class="answer" role="status">
        {answer}
      </p>
      {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
    </Card>
  )
}
