import { useState } from 'preact/hooks'
import { useServices } from '../../app/services.js'
import { Button } from '../../parts/button.js'
import { titleOf } from '../../chat/conversation.js'
import { Composer } from './composer.js'
import { ConversationList } from './conversation-list.js'
import { Messages } from './messages.js'
import { Settings } from './settings.js'
import { useResumed } from './resumed.js'
import { Welcome } from './welcome.js'
import './chat.css'
import '../../markdown/markdown.css'

/** A conversation with the model, those before it, and how its answers are drawn. */
export function Page() {
  const { talk } = useServices()
  // On a wide window the list has a place of its own.
  const [side, setSide] = useState<'list' | 'settings' | undefined>(() =>
    matchMedia('(min-width: 80rem)').matches ? 'list' : undefined,
  )
  useResumed()
  const conversation = talk.conversation.value
  const toggle = (which: 'list' | 'settings'): void => setSide(side === which ? undefined : which)
  return (
    <div class="chat">
      <div class="chat-bar">
        <Button
          kind="plain"
          small
          icon="list"
          aria-expanded={side === 'list'}
          label="Conversations"
          onClick={() => toggle('list')}
        />
        <h1 class="chat-title">{titleOf(conversation)}</h1>
        <Button kind="plain" small icon="plus" label="New conversation" onClick={() => void talk.open()} />
        <Button
          kind="plain"
          small
          icon="settings"
          aria-expanded={side === 'settings'}
          label="Settings of this conversation"
          onClick={() => toggle('settings')}
        />
      </div>
      <div class={side === undefined ? 'chat-body' : `chat-body chat-body-${side}`}>
        {side === 'list' && <ConversationList onClose={() => setSide(undefined)} />}
        <div class="chat-main">
          {talk.path.value.length === 0 ? <Welcome /> : <Messages />}
          <Composer />
        </div>
        {side === 'settings' && <Settings onClose={() => setSide(undefined)} />}
      </div>
    </div>
  )
}
