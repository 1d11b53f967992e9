import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../../parts/button.js'
import { Dialog } from '../../parts/dialog.js'
import { Notice } from '../../parts/notice.js'

export interface CameraProps {
  readonly onPicture: (picture: Blob) => void
  readonly onClose: () => void
}

/** Takes a picture with the device's camera, which is on only while this is shown. */
export function Camera({ onPicture, onClose }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null)
  const [trouble, setTrouble] = useState<string>()
  const [ready, setReady] = useState(false)

  useEffect(() => {
    let stream: MediaStream | undefined
    let gone = false
    const open = async (): Promise<void> => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
      if (gone) return stop(stream)
      if (video.current) video.current.srcObject = stream
    }
    open().catch((error: unknown) => setTrouble(troubleText(error)))
    return () => {
      gone = true
      if (stream) stop(stream)
    }
  }, [])

  const take = async (): Promise<void> => {
    const source = video.current
    if (!source) return
    const canvas = new OffscreenCanvas(source.videoWidth, source.videoHeight)
    canvas.getContext('2d')?.drawImage(source, 0, 0)
    onPicture(await canvas.convertToBlob({ type: 'image/png' }))
  }
  return (
    <Dialog title="Take a picture" onClose={onClose}>
      {trouble === undefined ? (
        <video ref={video} class="camera" autoplay playsInline muted onLoadedData={() => setReady(true)} />
      ) : (
        <Notice kind="bad">{trouble}</Notice>
      )}
      <Button kind="main" icon="camera" disabled={!ready} onClick={() => void take()}>
        Take the picture
      </Button>
    </Dialog>
  )
}

const stop = (stream: MediaStream): void => stream.getTracks().forEach((track) => track.stop())

function troubleText(error: unknown): string {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError')
    return "This page may not use the camera: allow it in the browser's settings for this site."
  if (name === 'NotFoundError') return 'This device has no camera: choose a picture instead.'
  return 'The camera cannot be opened: another program may be using it. Choose a picture instead.'
}
