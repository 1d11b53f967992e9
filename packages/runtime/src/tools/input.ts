/** What reads a text that comes in pieces: it yields where it needs more. */
export type Reading<T> = Generator<undefined, T, undefined>

/** A text that comes in pieces. Readers take it character by character; nothing is ever read twice. */
export interface Input {
  /** The next character, which stays; undefined at the end of the text. */
  peek(): Reading<string | undefined>
  /** Takes the character that was peeked at. */
  take(): void
  /** Takes and returns all that has come, up to the first character that `stop` matches. */
  takeUntil(stop: RegExp): string
  /** Notes the place from which {@link raw} tells. */
  mark(): void
  /** What was taken since {@link mark}. */
  raw(): string
  /** From here on what is taken is told, too, as it comes; undefined ends that. */
  tap(listener: ((text: string) => void) | undefined): void
  /** The writer's side: the next piece, once all of the one before was taken. */
  push(piece: string): void
  /** Tells the listener of {@link tap} what was taken so far. */
  tell(): void
  end(): void
}

export function input(): Input {
  let piece = ''
  let at = 0
  let isOver = false
  /** Taken since the mark in earlier pieces, and where it goes on in this one. */
  let earlier = ''
  let marked = 0
  let listener: ((text: string) => void) | undefined
  let told = 0

  const tell = (): void => {
    if (listener && told < at) listener(piece.slice(told, at))
    told = at
  }

  return {
    *peek() {
      while (at >= piece.length) {
        if (isOver) return undefined
        yield
      }
      return piece[at]
    },
    take() {
      at++
    },
    takeUntil(stop) {
      const found = piece.slice(at).search(stop)
      const end = found < 0 ? piece.length : at + found
      const taken = piece.slice(at, end)
      at = end
      return taken
    },
    mark() {
      earlier = ''
      marked = at
    },
    raw: () => earlier + piece.slice(marked, at),
    tap(next) {
      tell()
      listener = next
    },
    push(next) {
      earlier += piece.slice(marked)
      piece = next
      at = 0
      marked = 0
      told = 0
    },
    tell,
    end() {
      isOver = true
    },
  }
}

const SPACE = /\s/

/** Takes white space and returns what follows it. */
export function* afterSpace(from: Input): Reading<string | undefined> {
  for (;;) {
    const next = yield* from.peek()
    if (next === undefined || !SPACE.test(next)) return next
    from.take()
  }
}

/** Takes characters as long as `wanted` matches them. */
export function* word(from: Input, wanted: RegExp, most = 256): Reading<string> {
  let found = ''
  for (;;) {
    const next = yield* from.peek()
    if (next === undefined || found.length >= most || !wanted.test(next)) return found
    found += next
    from.take()
  }
}
