import { useState } from 'preact/hooks'
import { useServices } from '../../app/services.js'
import { branchesAt, type Turn } from '../../chat/conversation.js'
import { Markdown } from '../../markdown/markdown.js'
import { Button } from '../../parts/button.js'
import { CopyButton } from '../../parts/copy-button.js'
import { AnswerFactsLine } from './facts.js'
import { ChatImage } from './chat-image.js'

interface MessageProps {
  readonly turn: Turn
  readonly isLast: boolean
}

/** A turn, with what can be done about it. */
export function Message({ turn, isLast }: MessageProps) {
  const { talk } = useServices()
  const [editing, setEditing] = useState(false)
  const { role, text, images } = turn
  const isText = talk.conversation.value.form === 'text'
  return (
    <li class={`message message-${role}`} aria-label={role === 'user' ? 'You' : 'Gemma'}>
      {images.length > 0 && (
        <div class="message-images">
          {images.map((name) => (
            <ChatImage key={name} name={name} />
          ))}
        </div>
      )}
      {editing ? (
        <Editor turn={turn} onClose={() => setEditing(false)} />
      ) : (
        <>
          {text !== '' && (
            <div class="message-text">
              {role === 'assistant' && !isText ? <Markdown text={text} /> : <p class="message-plain">{text}</p>}
            </div>
          )}
          {role === 'assistant' && <Status turn={turn} />}
          <Actions turn={turn} isLast={isLast} onEdit={() => setEditing(true)} />
        </>
      )}
    </li>
  )
}

/** What is going on before the first word comes. */
function Status({ turn }: { readonly turn: Turn }) {
  const { talk } = useServices()
  const writing = talk.writing.value
  if (writing?.turn !== turn.id) return turn.facts ? <AnswerFactsLine facts={turn.facts} /> : null
  const percent = writing.share > 0 ? ` ${Math.round(writing.share * 100)} %` : ''
  const words = { encode: `Looking${percent}`, read: `Reading${percent}`, write: 'Writing' }[writing.phase]
  return (
    <span class="message-status">
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {words}
    </span>
  )
}

function Actions({ turn, isLast, onEdit }: MessageProps & { readonly onEdit: () => void }) {
  const { talk, engine } = useServices()
  const isBusy = talk.writing.value !== undefined
  const isReady = engine.model.value !== undefined
  const branches = branchesAt(talk.conversation.value, turn)
  const at = branches.findIndex(({ id }) => id === turn.id)
  const to = (step: number): void => {
    const branch = branches[at + step]
    if (branch) talk.show(branch.id)
  }
  const isUser = turn.role === 'user'
  // An answer that somebody or something cut short can go on; so can a text, at any length.
  const stop = turn.facts?.stop
  const canGoOn = !isUser && isLast && (stop !== 'stop' || talk.conversation.value.form === 'text')
  return (
    <div class="message-actions">
      {branches.length > 1 && (
        <span class="branches">
          <Button
            kind="plain"
            small
            icon="left"
            label="Branch before"
            disabled={isBusy || at === 0}
            onClick={() => to(-1)}
          />
          <span class="numbers small">
            <span class="hidden">Branch </span>
            {at + 1} / {branches.length}
          </span>
          <Button
            kind="plain"
            small
            icon="right"
            label="Next branch"
            disabled={isBusy || at === branches.length - 1}
            onClick={() => to(1)}
          />
        </span>
      )}
      {turn.text !== '' && <CopyButton text={turn.text} label="Copy" />}
      {isUser ? (
        <Button
          kind="plain"
          small
          icon="edit"
          label="Edit and ask again"
          disabled={isBusy || !isReady}
          onClick={onEdit}
        />
      ) : (
        <Button
          kind="plain"
          small
          icon="again"
          label="Answer again"
          disabled={isBusy || !isReady}
          onClick={() => void talk.regenerate(turn.id)}
        />
      )}
      {canGoOn && !isBusy && (
        <Button small icon="play" disabled={!isReady} onClick={() => void talk.goOn(turn.id)}>
          Go on
        </Button>
      )}
    </div>
  )
}

function Editor({ turn, onClose }: { readonly turn: Turn; readonly onClose: () => void }) {
  const { talk } = useServices()
  const [text, setText] = useState(turn.text)
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault()
        onClose()
        void talk.edit(turn.id, text)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      <textarea
        class="input"
        aria-label="Your words"
        rows={Math.min(8, text.split('\n').length + 1)}
        value={text}
        autofocus
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <div class="row">
        <Button type="submit" kind="main" small>
          Ask again
        </Button>
        <Button small kind="plain" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  )
}
