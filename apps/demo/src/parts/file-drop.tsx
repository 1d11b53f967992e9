import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { Button } from './button.js'

export interface FileDropProps {
  /** Types and endings that the dialogue offers, as `accept` of an input. */
  readonly accept: string
  /** What the button says. */
  readonly choose: string
  readonly multiple?: boolean
  readonly onFiles: (files: readonly File[]) => void
  readonly children?: ComponentChildren
}

/** A place for files: dropped, or chosen in the system's dialogue. */
export function FileDrop({ accept, choose, multiple = false, onFiles, children }: FileDropProps) {
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const take = (list: FileList | null | undefined): void => {
    const files = Array.from(list ?? [])
    if (files.length > 0) onFiles(multiple ? files : files.slice(0, 1))
  }
  return (
    <div
      class={over ? 'drop drop-over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        take(event.dataTransfer?.files)
      }}
    >
      {children}
      <Button icon="file" onClick={() => input.current?.click()}>
        {choose}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        aria-label={choose}
        onChange={({ currentTarget }) => {
          take(currentTarget.files)
          // The same file may be chosen once more.
          currentTarget.value = ''
        }}
      />
    </div>
  )
}
