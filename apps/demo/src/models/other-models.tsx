import { useState } from 'preact/hooks'
import { failureOf, type Failure } from '../app/failure.js'
import { useServices } from '../app/services.js'
import type { ModelChoice } from '../engine/engine.js'
import { Button } from '../parts/button.js'
import { Field } from '../parts/field.js'
import { FileDrop } from '../parts/file-drop.js'
import { Notice } from '../parts/notice.js'
import type { DownloadWish } from '../store/models.js'
import { choiceOfFiles, wishOfAddress } from './own-model.js'

/** A visitor's own models: files, which are read where they lie, and addresses. */
export function OtherModels({ onUse }: { readonly onUse: (choice: ModelChoice) => void }) {
  const { store } = useServices()
  const [address, setAddress] = useState('')
  const [failure, setFailure] = useState<Failure>()
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    setFailure(undefined)
    try {
      await work()
    } catch (error) {
      setFailure(failureOf(error))
    }
  }
  /** What becomes of a download that began stands beside it. */
  const begin = async (wish: DownloadWish): Promise<void> => {
    try {
      await store.download(wish)
    } catch (error) {
      if (!store.models.peek().some(({ record }) => record.id === wish.id)) throw error
    }
  }
  return (
    <details class="stack">
      <summary>A file of yours, or any address</summary>
      <div class="stack">
        <FileDrop
          accept=".gguf"
          choose="Choose GGUF files"
          multiple
          onFiles={(files) => void attempt(() => onUse(choiceOfFiles(files)))}
        >
          <p class="small soft">
            Drop a Gemma 3 GGUF file, with its mmproj file if it sees. It is read where it lies and not copied.
          </p>
        </FileDrop>
        <form
          class="own-address"
          onSubmit={(event) => {
            event.preventDefault()
            void attempt(() => begin(wishOfAddress(address)))
          }}
        >
          <Field label="Address of a GGUF file" hint="Its server has to let pages of other sites read it (CORS).">
            {({ id, describedBy }) => (
              <input
                class="input"
                id={id}
                type="url"
                required
                aria-describedby={describedBy}
                placeholder="https://…/model.gguf"
                value={address}
                onInput={({ currentTarget }) => setAddress(currentTarget.value)}
              />
            )}
          </Field>
          <Button type="submit" icon="download">
            Download
          </Button>
        </form>
        {failure && (
          <Notice kind="bad">
            {failure.message} ({failure.code})
          </Notice>
        )}
      </div>
    </details>
  )
}
