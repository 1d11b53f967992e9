import { useEffect, useState } from 'preact/hooks'
import { useServices } from '../../app/services.js'

/** An image of the conversation. */
export function ChatImage({ name }: { readonly name: string }) {
  const { talk } = useServices()
  const [blob, setBlob] = useState<Blob>()
  useEffect(() => {
    talk.image(name).then(setBlob, () => setBlob(undefined))
  }, [name])
  return blob ? (
    <BlobImage blob={blob} alt="A picture that you gave" />
  ) : (
    <span class="tag">a picture that is gone</span>
  )
}

/** Shows a Blob while it is on the page. */
export function BlobImage({ blob, alt }: { readonly blob: Blob; readonly alt: string }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return url === undefined ? null : <img class="chat-image" src={url} alt={alt} />
}
