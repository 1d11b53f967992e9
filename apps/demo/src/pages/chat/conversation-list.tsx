import { useEffect } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useServices } from '../../app/services.js'
import { Button } from '../../parts/button.js'

/** The conversations that are kept on this device. */
export function ConversationList({ onClose }: { readonly onClose: () => void }) {
  const { library, talk } = useServices()
  useEffect(() => void library.refresh().catch(() => {}), [])
  const current = talk.conversation.value.id
  const open = (id?: string): void => {
    void talk.open(id)
    if (!matchMedia('(min-width: 62rem)').matches) onClose()
  }
  return (
    <aside class="side side-list" aria-label="Conversations">
      <div class="side-head">
        <h2>Conversations</h2>
        <Button kind="plain" small icon="close" label="Close the list" onClick={onClose} />
      </div>
      <Button icon="plus" onClick={() => open()}>
        New conversation
      </Button>
      {library.list.value.length === 0 && <p class="small soft">What you write is kept here, on this device only.</p>}
      <ul class="list">
        {library.list.value.map(({ id, title }) => (
          <li key={id} class={id === current ? 'list-current' : undefined}>
            <button type="button" class="list-open" aria-current={id === current} onClick={() => open(id)}>
              {title}
            </button>
            <Button
              kind="plain"
              small
              icon="trash"
              label={`Delete “${title}”`}
              onClick={() => void talk.remove(id).catch((error: unknown) => (talk.failure.value = failureOf(error)))}
            />
          </li>
        ))}
      </ul>
    </aside>
  )
}
