import { useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useServices } from '../../app/services.js'
import { KNOWN_MODELS } from '../../engine/models.js'
import { Notice } from '../../parts/notice.js'

/** Pictures of the kind that the small model knows, with a question that it answers. */
const EXAMPLES = [
  { name: 'pair', alt: 'Two drawn shapes of different colours', question: 'Describe the image.' },
  { name: 'shapes', alt: 'Several shapes of one kind', question: 'How many are there?' },
  { name: 'number', alt: 'A drawn number', question: 'What does it say?' },
  { name: 'word', alt: 'A drawn word', question: 'Read the word.' },
] as const

/** What there is to do before a conversation begins: one click shows a model that sees. */
export function Welcome() {
  const { engine, talk } = useServices()
  const [trouble, setTrouble] = useState<string>()
  const [busy, setBusy] = useState<string>()

  const ask = async (name: string, question: string): Promise<void> => {
    setBusy(name)
    setTrouble(undefined)
    try {
      await talk.open()
      const state = engine.state.peek()
      const sees = state.kind === 'ready' && state.model.seesImages
      const known = KNOWN_MODELS.find(({ origin }) => origin.kind === 'site')
      if (!sees && known?.origin.kind === 'site') {
        const { url, mmproj } = known.origin
        if (!(await engine.load({ id: known.id, title: known.title, source: url, mmproj }))) return
      }
      const response = await fetch(`./examples/${name}.png`)
      if (!response.ok) throw new Error(`this picture could not be fetched (${response.status}): try again`)
      await talk.send(question, [await response.blob()])
    } catch (error) {
      setTrouble(failureOf(error).message)
    } finally {
      setBusy(undefined)
    }
  }
  const state = engine.state.value
  return (
    <div class="chat-scroll">
      <div class="welcome">
        <div class="welcome-words">
          <h2>Gemma 3, in this page</h2>
          <p class="soft">
            The model runs on your device. Begin with a picture: a small model that sees comes with this site, 2.7 MB,
            and works without a network. Larger ones are a download away.
          </p>
        </div>
        <ul class="examples">
          {EXAMPLES.map(({ name, alt, question }) => (
            <li key={name}>
              <button
                type="button"
                class="example"
                disabled={busy !== undefined}
                onClick={() => void ask(name, question)}
              >
                <img src={`./examples/${name}.png`} alt={alt} width="96" height="96" />
                <span>{busy === name ? 'One moment…' : question}</span>
              </button>
            </li>
          ))}
        </ul>
        {state.kind === 'failed' && (
          <Notice kind="bad">
            {state.choice.title} could not be loaded: {state.failure.message} ({state.failure.code})
          </Notice>
        )}
        {talk.failure.value && (
          <Notice kind="bad">
            {talk.failure.value.message} ({talk.failure.value.code})
          </Notice>
        )}
        {trouble !== undefined && <Notice kind="bad">{trouble}</Notice>}
      </div>
    </div>
  )
}
