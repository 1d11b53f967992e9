const LEVELS = '▁▂▃▄▅▆▇█'

/** Losses as a line of bars `width` wide, the last ones where there are more: the highest for the greatest. */
export function curve(losses: readonly number[], width: number): string {
  const each = Math.max(1, Math.ceil(losses.length / width))
  const means: number[] = []
  for (let from = 0; from < losses.length; from += each) {
    const part = losses.slice(from, from + each)
    means.push(part.reduce((sum, loss) => sum + loss, 0) / part.length)
  }
  const [least, most] = [Math.min(...means), Math.max(...means)]
  const level = (mean: number): number =>
    most > least ? Math.round(((mean - least) / (most - least)) * (LEVELS.length - 1)) : 0
  return means.map((mean) => LEVELS[level(mean)]).join('')
}

/** Seconds as people say them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
