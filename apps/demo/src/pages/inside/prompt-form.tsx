import { useEffect, useState } from 'preact/hooks'
import { Button } from '../../parts/button.js'
import { Card } from '../../parts/card.js'
import { Field, Select } from '../../parts/field.js'
import type { Prompt } from './look.js'

const PICTURES = {
  none: 'No picture',
  pair: 'Two shapes',
  shapes: 'Several shapes',
  number: 'A number',
  word: 'A word',
} as const
type PictureName = keyof typeof PICTURES

export interface PromptFormProps {
  readonly title: string
  readonly canSee: boolean
  readonly isBusy: boolean
  readonly onLook: (prompt: Prompt) => void
}

/** What is read. */
export function PromptForm({ title, canSee, isBusy, onLook }: PromptFormProps) {
  const [text, setText] = useState(canSee ? 'Describe the image.' : 'The capital of France is')
  const [form, setForm] = useState<Prompt['form']>(canSee ? 'chat' : 'text')
  const [picture, setPicture] = useState<PictureName>(canSee ? 'pair' : 'none')
  const [trouble, setTrouble] = useState<string>()

  const look = async (): Promise<void> => {
    setTrouble(undefined)
    try {
      const isSeen = canSee && form === 'chat' && picture !== 'none'
      const response = isSeen ? await fetch(`./examples/${picture}.png`) : undefined
      onLook({ text, form, ...(response && { image: await response.blob() }) })
    } catch {
      setTrouble('The picture could not be fetched: try again, or look without one.')
    }
  }
  // There is something to see at once.
  useEffect(() => void look(), [])

  return (
    <Card>
      <form
        class="prompt-form"
        onSubmit={(event) => {
          event.preventDefault()
          void look()
        }}
      >
        <Field label="Text">
          {({ id }) => (
            <input class="input" id={id} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          )}
        </Field>
        <Select
          label="Read as"
          value={form}
          options={{ chat: 'a question', text: 'a beginning' }}
          onChange={(value) => setForm(value)}
        />
        {canSee && (
          <Select label="With" value={picture} options={PICTURES} disabled={form === 'text'} onChange={setPicture} />
        )}
        <Button type="submit" kind="main" disabled={isBusy || text.trim() === ''}>
          Look
        </Button>
      </form>
      <p class="soft small">
        {title} is opened once more for this page, with taps between its layers; the chat’s own has none.
      </p>
      {trouble !== undefined && <p role="alert">{trouble}</p>}
    </Card>
  )
}
