import type { SeenView } from './see.js'

/** Between patches, in pixels of the drawing. */
const GAP = 2

/** The pixels that the encoder gets, cut apart where patches meet. */
export function drawPatches(canvas: HTMLCanvasElement, { pixels, side }: SeenView, patches: number): void {
  const patch = side / patches
  const scale = Math.max(1, Math.round(448 / side))
  const step = patch * scale + GAP
  canvas.width = canvas.height = patches * step - GAP
  const paint = canvas.getContext('2d')
  if (paint === null) return
  const image = paint.createImageData(side, side)
  for (let pixel = 0; pixel < side * side; pixel++) {
    for (let colour = 0; colour < 3; colour++) image.data[4 * pixel + colour] = pixels[3 * pixel + colour]
    image.data[4 * pixel + 3] = 255
  }
  const whole = new OffscreenCanvas(side, side)
  whole.getContext('2d')?.putImageData(image, 0, 0)
  paint.imageSmoothingEnabled = false
  for (let row = 0; row < patches; row++) {
    for (let col = 0; col < patches; col++) {
      paint.drawImage(
        whole,
        col * patch,
        row * patch,
        patch,
        patch,
        col * step,
        row * step,
        patch * scale,
        patch * scale,
      )
    }
  }
}

/** A square for each soft token, in its colour. */
export function drawTokens(canvas: HTMLCanvasElement, { colours }: SeenView, grid: number): void {
  drawGrid(canvas, grid, (token) => {
    const [red, green, blue] = colours.subarray(3 * token, 3 * token + 3)
    // Neither black nor white: a colour says only which tokens are alike.
    const part = (value: number | undefined): number => Math.round(50 + 180 * (value ?? 0))
    return `rgb(${part(red)} ${part(green)} ${part(blue)})`
  })
}

/** A square for each soft token, the fuller the longer its vector. */
export function drawNorms(canvas: HTMLCanvasElement, { norms }: SeenView, grid: number): void {
  const [least, most] = [Math.min(...norms), Math.max(...norms)]
  const accent = getComputedStyle(canvas).color
  drawGrid(
    canvas,
    grid,
    () => accent,
    (token) => 0.12 + 0.88 * (most > least ? (norms[token] - least) / (most - least) : 1),
  )
}

function drawGrid(
  canvas: HTMLCanvasElement,
  grid: number,
  colour: (token: number) => string,
  alpha: (token: number) => number = () => 1,
): void {
  const cell = Math.floor(448 / grid)
  canvas.width = canvas.height = grid * cell
  const paint = canvas.getContext('2d')
  if (paint === null) return
  paint.clearRect(0, 0, canvas.width, canvas.height)
  for (let token = 0; token < grid * grid; token++) {
    paint.globalAlpha = alpha(token)
    paint.fillStyle = colour(token)
    paint.fillRect((token % grid) * cell, Math.floor(token / grid) * cell, cell - GAP, cell - GAP)
  }
}
