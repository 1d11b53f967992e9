import { useState } from 'preact/hooks'
import { pieceTitle, shownPiece } from './piece-text.js'
import type { Piece } from './pieces.js'

/** More would be slow to draw, and nobody reads them one by one. */
const MOST = 600

/** Pieces beside each other; one that is pointed at or has the focus is told beneath. */
export function PieceList({ pieces, label }: { readonly pieces: readonly Piece[]; readonly label: string }) {
  const [at, setAt] = useState(0)
  const chosen = pieces[Math.min(at, pieces.length - 1)]
  return (
    <>
      <ol
        class="pieces"
        aria-label={label}
        tabIndex={0}
        onKeyDown={(event) => {
          const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
          if (by === 0) return
          event.preventDefault()
          setAt(Math.max(0, Math.min(pieces.length - 1, at + by)))
        }}
      >
        {pieces.slice(0, MOST).map((piece, index) => (
          <li
            key={index}
            class={`piece piece-${piece.kind === 'text' ? index % 5 : piece.kind}${index === at ? ' piece-at' : ''}`}
            onPointerEnter={() => setAt(index)}
            onClick={() => setAt(index)}
          >
            <span class="piece-text">{shownPiece(piece)}</span>
            <span class="piece-id">{piece.id}</span>
          </li>
        ))}
      </ol>
      {pieces.length > MOST && <p class="soft small">… and {pieces.length - MOST} more</p>}
      <p class="soft small mono piece-line" role="status">
        {chosen && pieceTitle(chosen)}
      </p>
    </>
  )
}
