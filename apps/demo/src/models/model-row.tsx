import { useState } from 'preact/hooks'
import { failureOf, type Failure } from '../app/failure.js'
import { bytesText } from '../app/format.js'
import { useServices } from '../app/services.js'
import type { ModelChoice } from '../engine/engine.js'
import type { KnownModel } from '../engine/models.js'
import type { DownloadWish, StoredModel } from '../store/models.js'
import { Button } from '../parts/button.js'
import { Notice } from '../parts/notice.js'
import { Progress } from '../parts/progress.js'
import type { Fit } from './fit.js'

interface RowProps {
  readonly isCurrent: boolean
  readonly onUse: (choice: ModelChoice) => void
}

/** A model of the list: what it needs, and what can be done with it. */
export function KnownRow({
  model,
  fit,
  ...row
}: RowProps & { readonly model: KnownModel; readonly fit: Fit | undefined }) {
  const { store } = useServices()
  const { id, title, bytes, origin } = model
  const stored = store.models.value.find(({ record }) => record.id === id)
  const tags = (
    <>
      {model.sees && <span class="tag tag-good">sees</span>}
      {!model.answers && <span class="tag">continues text</span>}
      {fit && <FitTag fit={fit} />}
    </>
  )
  const size = origin.kind === 'site' ? `${bytesText(bytes)}, with this site` : `${bytesText(bytes)} to download`
  return (
    <Row title={title} tags={tags} words={model.words} size={stored ? undefined : size} isCurrent={row.isCurrent}>
      {origin.kind === 'site' ? (
        <UseButton {...row} onUse={() => row.onUse({ id, title, source: origin.url, mmproj: origin.mmproj })} />
      ) : (
        <StoredActions {...row} stored={stored} wish={{ id, title, url: origin.url, bytes, hub: origin }} />
      )}
    </Row>
  )
}

/** A model that the visitor brought here. */
export function StoredRow({ stored, ...row }: RowProps & { readonly stored: StoredModel }) {
  const { id, title, url } = stored.record
  return (
    <Row title={title} words={URL.canParse(url) ? new URL(url).host : url} isCurrent={row.isCurrent}>
      <StoredActions {...row} stored={stored} wish={{ id, title, url, bytes: stored.record.mark?.size ?? 0 }} />
    </Row>
  )
}

interface RowFrame {
  readonly title: string
  readonly tags?: preact.ComponentChildren
  readonly words: string
  readonly size?: string | undefined
  readonly isCurrent: boolean
  readonly children: preact.ComponentChildren
}

const Row = ({ title, tags, words, size, isCurrent, children }: RowFrame) => (
  <li class={isCurrent ? 'model model-current' : 'model'}>
    <div class="model-words">
      <div class="row">
        <strong>{title}</strong>
        {tags}
      </div>
      <span class="small soft">
        {words}
        {size !== undefined && <span class="model-size"> {size}</span>}
      </span>
    </div>
    {children}
  </li>
)

const VERDICTS = {
  fits: ['tag-good', 'fits'],
  tight: ['tag-warn', 'tight'],
  'too-large': ['tag-warn', 'too large'],
} as const

function FitTag({ fit: { verdict, peakBytes } }: { readonly fit: Fit }) {
  const size = `takes ${bytesText(peakBytes)} of memory`
  if (verdict === 'unknown') return <span class="tag">{size}</span>
  const [kind, word] = VERDICTS[verdict]
  return <span class={`tag ${kind}`}>{`${word}: ${size}`}</span>
}

const UseButton = ({ isCurrent, onUse }: { readonly isCurrent: boolean; readonly onUse: () => void }) => (
  <Button small kind={isCurrent ? 'box' : 'main'} onClick={onUse}>
    {isCurrent ? 'Load again' : 'Use'}
  </Button>
)

interface StoredProps extends RowProps {
  readonly stored: StoredModel | undefined
  readonly wish: DownloadWish
}

/** Download, pause, go on, delete, use: as far as the model has come. */
function StoredActions({ stored, wish, isCurrent, onUse }: StoredProps) {
  const { store } = useServices()
  const [failure, setFailure] = useState<Failure>()
  const attempt = (work: Promise<unknown>): void => {
    setFailure(undefined)
    work.catch((error: unknown) => setFailure(failureOf(error)))
  }
  const download = (): void => {
    // Browsers clear what was not asked to last when the device runs low.
    void navigator.storage.persist?.().catch(() => false)
    attempt(store.download(wish))
  }
  const { id, title } = wish
  const total = stored?.record.mark?.size ?? wish.bytes
  const why = failure ?? stored?.failure
  const remove = (words: string) => (
    <Button
      small
      kind="plain"
      danger
      icon="trash"
      label={`${words} ${title}`}
      onClick={() => attempt(store.remove(id))}
    />
  )
  return (
    <>
      <div class="row">
        {stored === undefined && (
          <Button small icon="download" aria-label={`Download ${title}`} onClick={download}>
            Download
          </Button>
        )}
        {stored?.state === 'part' && (
          <Button small icon="play" aria-label={`Go on with ${title}`} onClick={download}>
            Go on
          </Button>
        )}
        {stored?.state === 'coming' && (
          <Button small icon="pause" aria-label={`Pause ${title}`} onClick={() => attempt(store.pause(id))}>
            Pause
          </Button>
        )}
        {stored?.state === 'whole' && (
          <UseButton isCurrent={isCurrent} onUse={() => attempt(store.open(id).then(onUse))} />
        )}
        {stored && remove(stored.state === 'whole' ? 'Delete' : 'Cancel')}
      </div>
      {stored && stored.state !== 'whole' && (
        <div class="model-progress">
          <Progress
            label={stored.state === 'coming' ? 'Downloading' : 'Paused'}
            share={total > 0 ? stored.bytes / total : undefined}
            detail={`${bytesText(stored.bytes)} of ${bytesText(total)}`}
          />
        </div>
      )}
      {why && (
        <div class="model-progress">
          <Notice kind="bad">
            <span>
              {why.message} <span class="small">({why.code})</span>
            </span>
          </Notice>
        </div>
      )}
    </>
  )
}
