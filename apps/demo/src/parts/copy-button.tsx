import { useState } from 'preact/hooks'
import { Button } from './button.js'

/** Copies a text, and says that it did. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [said, setSaid] = useState<string>()
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      setSaid('The browser does not let this page copy: select the text instead')
    }
    setTimeout(() => setSaid(undefined), 2000)
  }
  return (
    <>
      <Button kind="plain" small icon={said === 'Copied' ? 'check' : 'copy'} label={said ?? label} onClick={copy} />
      <span class="hidden" role="status">
        {said}
      </span>
    </>
  )
}
