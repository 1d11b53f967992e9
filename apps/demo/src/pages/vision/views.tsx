import { useEffect, useRef, useState } from 'preact/hooks'
import { secondsText } from '../../app/format.js'
import { useColours } from '../../look/use-colours.js'
import { Card } from '../../parts/card.js'
import { drawNorms, drawPatches, drawTokens } from './draw.js'
import type { Seen, SeenView } from './see.js'

/** The picture with its crops, and each view in three stages. */
export function Views({ image, seen }: { readonly image: Blob; readonly seen: Seen }) {
  const [at, setAt] = useState(0)
  const view = seen.views[Math.min(at, seen.views.length - 1)]
  if (view === undefined) return null
  const { side } = view
  const { patches, grid, tokenWidth, views } = seen
  return (
    <Card
      title="What the model sees"
      aside={
        <span class="soft small">
          {views.length * grid * grid} soft tokens in all,{' '}
          {secondsText(views.reduce((sum, { encodeMs }) => sum + encodeMs, 0))}
        </span>
      }
    >
      <div class="stages">
        <Stage
          title={views.length === 1 ? 'The picture' : `The picture and ${views.length - 1} crops`}
          words={`${seen.width} × ${seen.height} pixels${views.length === 1 ? ', seen as a whole' : ''}`}
        >
          <Whole image={image} seen={seen} at={at} />
        </Stage>
        <Stage
          title="A square"
          words={`${side} × ${side} pixels, ${patches} × ${patches} patches of ${side / patches}`}
        >
          <Drawing
            class="drawing-patches"
            label={`The view as ${patches} times ${patches} patches`}
            draw={(canvas) => drawPatches(canvas, view, patches)}
            of={view}
          />
        </Stage>
        <Stage
          title="Soft tokens"
          words={`${grid} × ${grid} vectors of ${tokenWidth}; alike where the colour is alike`}
        >
          <Drawing
            label={`${grid * grid} soft tokens, coloured by their three main directions`}
            draw={(canvas) => drawTokens(canvas, view, grid)}
            of={view}
          />
        </Stage>
        <Stage
          title="Their lengths"
          words={`from ${Math.min(...view.norms).toFixed(1)} to ${Math.max(...view.norms).toFixed(1)}`}
        >
          <Drawing
            label="The length of each soft token's vector"
            draw={(canvas) => drawNorms(canvas, view, grid)}
            of={view}
          />
        </Stage>
      </div>
      {views.length > 1 && (
        <div class="row" role="group" aria-label="Views">
          {views.map((_, index) => (
            <button
              key={index}
              type="button"
              class="button button-small"
              aria-pressed={index === at}
              onClick={() => setAt(index)}
            >
              {index === 0 ? 'Whole' : `Crop ${index}`}
            </button>
          ))}
        </div>
      )}
    </Card>
  )
}

function Stage(props: { readonly title: string; readonly words: string; readonly children: preact.ComponentChildren }) {
  return (
    <figure class="stage">
      <div class="stage-picture">{props.children}</div>
      <figcaption>
        <h3>{props.title}</h3>
        <p class="soft small">{props.words}</p>
      </figcaption>
    </figure>
  )
}

function Whole({ image, seen, at }: { readonly image: Blob; readonly seen: Seen; readonly at: number }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    const made = URL.createObjectURL(image)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [image])
  return (
    <svg
      class="whole"
      viewBox={`0 0 ${seen.width} ${seen.height}`}
      role="img"
      aria-label="The picture, with what is cut from it"
    >
      {url && <image href={url} width={seen.width} height={seen.height} />}
      {seen.views.slice(1).map(({ box }, index) => (
        <rect
          key={index}
          class={index + 1 === at ? 'crop crop-at' : 'crop'}
          {...box}
          vector-effect="non-scaling-stroke"
        />
      ))}
    </svg>
  )
}

function Drawing(props: {
  readonly label: string
  readonly class?: string
  readonly of: SeenView
  readonly draw: (canvas: HTMLCanvasElement) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [accent] = useColours('--data-1')
  useEffect(() => {
    if (canvas.current) props.draw(canvas.current)
  }, [props.of, accent])
  return <canvas ref={canvas} class={`drawing ${props.class ?? ''}`} role="img" aria-label={props.label} />
}
