import { useEffect, useRef, useState } from 'preact/hooks'
import { useServices } from '../../app/services.js'
import { Button } from '../../parts/button.js'
import { Notice } from '../../parts/notice.js'
import { BlobImage } from './chat-image.js'
import { Camera } from './camera.js'

/** Above it a picture is no picture of a person's: the engine refuses larger ones, too, with more words. */
const MOST_IMAGES = 4

/** Where a visitor writes, and shows pictures: dropped, pasted, chosen or taken. */
export function Composer() {
  const { engine, talk } = useServices()
  const [text, setText] = useState('')
  const [images, setImages] = useState<readonly Blob[]>([])
  const [left, setLeft] = useState<string>()
  const [camera, setCamera] = useState(false)
  const [over, setOver] = useState(false)
  const area = useRef<HTMLTextAreaElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const model = engine.model.value
  const isWriting = talk.writing.value !== undefined
  const isText = talk.conversation.value.form === 'text'
  const sees = model?.seesImages === true && !isText

  // It grows with its text, up to what the styles allow.
  useEffect(() => {
    const place = area.current
    if (!place) return
    place.style.height = 'auto'
    place.style.height = `${place.scrollHeight + 2}px`
  }, [text])

  const add = (files: Iterable<File | Blob>): void => {
    const all = Array.from(files)
    // What is pasted is a text as a rule.
    if (all.length === 0) return
    const pictures = all.filter(({ type }) => type.startsWith('image/'))
    setLeft(leftOut(sees, all.length - pictures.length, images.length + pictures.length))
    if (sees) setImages((before) => [...before, ...pictures].slice(0, MOST_IMAGES))
  }
  const canSend = model !== undefined && !isWriting && (text.trim() !== '' || images.length > 0)
  const send = (): void => {
    if (!canSend) return
    setText('')
    setImages([])
    setLeft(undefined)
    void talk.send(isText ? text : text.trim(), images)
  }
  return (
    <form
      class={over ? 'composer composer-over' : 'composer'}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(sees)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        add(event.dataTransfer?.files ?? [])
      }}
    >
      {left !== undefined && <Notice>{left}</Notice>}
      {images.length > 0 && (
        <ul class="composer-images">
          {images.map((blob, i) => (
            <li key={i}>
              <BlobImage blob={blob} alt={`Picture ${i + 1}`} />
              <Button
                small
                icon="close"
                label={`Leave out picture ${i + 1}`}
                onClick={() => setImages(images.filter((other) => other !== blob))}
              />
            </li>
          ))}
        </ul>
      )}
      <textarea
        ref={area}
        rows={1}
        aria-label={isText ? 'A text to go on with' : 'Your message'}
        placeholder={placeholder(model?.name, isText)}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onPaste={({ clipboardData }) => add(clipboardData?.files ?? [])}
        onKeyDown={(event) => {
          // Enter belongs to the input method while that composes a character.
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          event.preventDefault()
          send()
        }}
      />
      <div class="composer-row">
        <Button
          kind="plain"
          small
          icon="image"
          label="Add a picture"
          disabled={!sees}
          onClick={() => input.current?.click()}
        />
        <Button
          kind="plain"
          small
          icon="camera"
          label="Take a picture"
          disabled={!sees}
          onClick={() => setCamera(true)}
        />
        <input
          ref={input}
          type="file"
          accept="image/*"
          multiple
          hidden
          aria-label="Pictures"
          onChange={({ currentTarget }) => {
            add(currentTarget.files ?? [])
            currentTarget.value = ''
          }}
        />
        <span class="top-space" />
        {isWriting ? (
          <Button icon="stop" label="Stop" onClick={() => talk.stop()} />
        ) : (
          <Button type="submit" kind="main" icon="send" label="Send" disabled={!canSend} />
        )}
      </div>
      {camera && (
        <Camera
          onClose={() => setCamera(false)}
          onPicture={(picture) => {
            setCamera(false)
            add([picture])
          }}
        />
      )}
    </form>
  )
}

/** Why not all files become pictures of the message. */
function leftOut(sees: boolean, others: number, pictures: number): string | undefined {
  if (!sees) return 'No picture was added: this needs a model that sees, and a conversation in the form of a chat.'
  if (others > 0) return 'A file was left out: it is no picture.'
  if (pictures > MOST_IMAGES) return `A message takes ${MOST_IMAGES} pictures: the others were left out.`
  return undefined
}

function placeholder(model: string | undefined, isText: boolean): string {
  if (model === undefined) return 'Choose a model, or one of the pictures, then write here'
  return isText ? 'Once upon a time' : 'Write to the model'
}
