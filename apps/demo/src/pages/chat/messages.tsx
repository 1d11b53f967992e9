import { useEffect, useRef } from 'preact/hooks'
import { useServices } from '../../app/services.js'
import { Button } from '../../parts/button.js'
import { Notice } from '../../parts/notice.js'
import { Message } from './message.js'

/** Nearer to the end than this, the page follows the text. */
const NEAR = 80

/** The turns of the branch that is shown; the window follows the text until its reader scrolls up. */
export function Messages() {
  const { talk } = useServices()
  const scroll = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const path = talk.path.value
  const last = path.at(-1)

  useEffect(() => {
    const place = scroll.current
    if (place && follows.current) place.scrollTop = place.scrollHeight
  }, [last?.text, path.length, last?.state])

  return (
    <div
      class="chat-scroll"
      ref={scroll}
      tabIndex={0}
      role="log"
      aria-label="Conversation"
      aria-busy={talk.writing.value !== undefined}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < NEAR
      }}
    >
      <ol class="messages">
        {path.map((turn) => (
          <Message key={turn.id} turn={turn} isLast={turn === last} />
        ))}
      </ol>
      <div class="messages-after">
        {talk.notice.value !== undefined && (
          <Notice>
            {talk.notice.value}
            <div>
              <Button small onClick={() => (talk.notice.value = undefined)}>
                Close
              </Button>
            </div>
          </Notice>
        )}
        {talk.failure.value && (
          <Notice kind="bad">
            <span>
              {talk.failure.value.message} <span class="small">({talk.failure.value.code})</span>
            </span>
          </Notice>
        )}
      </div>
    </div>
  )
}
