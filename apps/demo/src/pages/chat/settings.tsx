import { useServices } from '../../app/services.js'
import { bytesText } from '../../app/format.js'
import type { Drawing } from '../../chat/conversation.js'
import { drawingOf } from '../../chat/prompt.js'
import { Button } from '../../parts/button.js'
import { Field, Select, Slider } from '../../parts/field.js'
import { useMemory } from './memory-use.js'

const FORMS = { chat: 'A conversation', text: 'A text to go on with' } as const

/** How the answers of this conversation are drawn, and what they take. */
export function Settings({ onClose }: { readonly onClose: () => void }) {
  const { engine, talk } = useServices()
  const conversation = talk.conversation.value
  const { drawing } = conversation
  const state = engine.state.value
  const drawn = drawingOf(conversation, state.kind === 'ready' ? state.choice.id : '')
  const set = (change: Drawing): void => talk.set({ drawing: { ...drawing, ...change } })
  return (
    <aside class="side" aria-label="Settings of this conversation">
      <div class="side-head">
        <h2>Settings</h2>
        <Button kind="plain" small icon="close" label="Close the settings" onClick={onClose} />
      </div>
      <Select
        label="Form"
        value={conversation.form}
        options={FORMS}
        hint={
          conversation.form === 'text'
            ? 'The model goes on with what you write, as base models do.'
            : 'Turns, for models that were tuned to answer.'
        }
        onChange={(form) => talk.set({ form })}
      />
      {conversation.form === 'chat' && (
        <Field label="System text" hint="What the model is told before the first turn.">
          {({ id, describedBy }) => (
            <textarea
              class="input"
              id={id}
              aria-describedby={describedBy}
              rows={3}
              value={conversation.system}
              onChange={({ currentTarget }) => talk.set({ system: currentTarget.value })}
            />
          )}
        </Field>
      )}
      <Slider
        label="Temperature"
        min={0}
        max={2}
        step={0.05}
        value={drawn.temperature}
        format={(value) => (value === 0 ? '0, the likeliest' : value.toFixed(2))}
        onInput={(temperature) => set({ temperature })}
      />
      <Slider
        label="Top k"
        min={0}
        max={128}
        value={drawn.topK}
        format={(value) => (value === 0 ? 'all' : String(value))}
        onInput={(topK) => set({ topK })}
      />
      <Slider
        label="Top p"
        min={0.05}
        max={1}
        step={0.05}
        value={drawn.topP}
        format={(value) => value.toFixed(2)}
        onInput={(topP) => set({ topP })}
      />
      <Slider
        label="Min p"
        min={0}
        max={0.5}
        step={0.01}
        value={drawn.minP}
        format={(value) => value.toFixed(2)}
        onInput={(minP) => set({ minP })}
      />
      <Slider
        label="Repetition penalty"
        min={1}
        max={2}
        step={0.05}
        value={drawn.repetitionPenalty}
        format={(value) => (value === 1 ? 'off' : value.toFixed(2))}
        onInput={(repetitionPenalty) => set({ repetitionPenalty })}
      />
      <Slider
        label="Longest answer"
        min={16}
        max={4096}
        step={16}
        value={drawn.maxTokens}
        format={(value) => `${value} tokens`}
        onInput={(maxTokens) => set({ maxTokens })}
      />
      <Field label="Seed" hint="The same seed draws the same words again. Empty: another one each time.">
        {({ id, describedBy }) => (
          <input
            class="input"
            id={id}
            aria-describedby={describedBy}
            inputMode="numeric"
            pattern="[0-9]*"
            value={drawing.seed ?? ''}
            onChange={({ currentTarget }) => {
              const { seed: _, ...others } = drawing
              const seed = Number(currentTarget.value)
              const isSeed = currentTarget.value !== '' && Number.isSafeInteger(seed) && seed >= 0
              talk.set({ drawing: isSeed ? { ...others, seed } : others })
              if (!isSeed) currentTarget.value = ''
            }}
          />
        )}
      </Field>
      <Button small onClick={() => talk.set({ drawing: {} })}>
        As recommended
      </Button>
      <MemoryUse />
    </aside>
  )
}

function MemoryUse() {
  const bytes = useMemory()
  return <p class="small soft">Memory in use: {memoryText(bytes)}</p>
}

function memoryText(bytes: number | 'waiting' | undefined): string {
  if (bytes === undefined) return 'this browser does not tell pages.'
  return bytes === 'waiting' ? 'the browser is counting…' : `${bytesText(bytes)}, model and page together.`
}
