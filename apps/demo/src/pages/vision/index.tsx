import { useEffect, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useServices } from '../../app/services.js'
import { wishOf } from '../../engine/compute.js'
import { labModel, siteModel, useLab } from '../../lab/use-lab.js'
import { Card, PageFrame } from '../../parts/card.js'
import { FileDrop } from '../../parts/file-drop.js'
import { Notice } from '../../parts/notice.js'
import { Progress } from '../../parts/progress.js'
import { AskCard } from './ask-card.js'
import type { Seen } from './see.js'
import { Views } from './views.js'
import './vision.css'

const EXAMPLES = [
  { name: 'pair', alt: 'Two drawn shapes of different colours' },
  { name: 'shapes', alt: 'Several shapes of one kind' },
  { name: 'number', alt: 'A drawn number' },
  { name: 'word', alt: 'A drawn word' },
] as const

/** What becomes of a picture on its way into the model. */
export function Page() {
  const { engine } = useServices()
  const lab = useLab()
  const state = engine.state.value
  // The chat's model where it has eyes of its own.
  const choice = state.kind === 'ready' && state.choice.mmproj !== undefined ? state.choice : siteModel()
  const [image, setImage] = useState<Blob>()
  const [scan, setScan] = useState(true)
  const [seen, setSeen] = useState<Seen>()
  const [share, setShare] = useState<number>()
  const [failure, setFailure] = useState<string>()

  const take = async (name: string): Promise<void> => {
    const response = await fetch(`./examples/${name}.png`)
    if (response.ok) setImage(await response.blob())
    else setFailure(`this picture could not be fetched (${response.status}): try again`)
  }
  useEffect(() => void take('pair').catch((error: unknown) => setFailure(failureOf(error).message)), [])

  useEffect(() => {
    if (image === undefined) return
    const abort = new AbortController()
    setFailure(undefined)
    setShare(0)
    lab
      .call(
        'see',
        { model: labModel(choice, wishOf(engine.mode.peek())), image, panAndScan: scan },
        { signal: abort.signal, onItem: ({ done, total }) => setShare(done / total) },
      )
      .then(
        (found) => {
          setSeen(found)
          setShare(undefined)
        },
        (error: unknown) => {
          if (abort.signal.aborted) return
          setSeen(undefined)
          setShare(undefined)
          setFailure(failureOf(error).message)
        },
      )
    return () => abort.abort()
  }, [image, scan, choice.id])

  return (
    <PageFrame
      title="Vision"
      lead="A picture becomes a square, the square becomes patches, and groups of patches become soft tokens, which the model reads as if they were words."
    >
      <Card title="A picture">
        <ul class="picks">
          {EXAMPLES.map(({ name, alt }) => (
            <li key={name}>
              <button type="button" class="pick" onClick={() => void take(name)}>
                <img src={`./examples/${name}.png`} alt={alt} width="64" height="64" />
              </button>
            </li>
          ))}
        </ul>
        <FileDrop accept="image/*" choose="Choose a picture" onFiles={([file]) => setImage(file)}>
          <p class="soft">or drop one here: PNG, JPEG, WebP, GIF, AVIF. It stays on this device.</p>
        </FileDrop>
        <label class="check">
          <input type="checkbox" checked={scan} onChange={({ currentTarget }) => setScan(currentTarget.checked)} />
          Pan &amp; Scan: look closer at long pictures, crop by crop
        </label>
        <p class="soft small">
          Seen by {choice.title}
          {choice.id === 'tiny-vision' &&
            ', which is small and was shown drawings only: 96 pixels a side where Gemma 3 has 896'}
          .
        </p>
        {share !== undefined && <Progress label="Encoding" share={share} />}
        {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
      </Card>
      {image && seen && <Views image={image} seen={seen} />}
      {image && <AskCard image={image} scan={scan} choice={choice} />}
    </PageFrame>
  )
}
