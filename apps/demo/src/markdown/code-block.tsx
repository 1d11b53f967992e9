import { CopyButton } from '../parts/copy-button.js'

/** Code with its language and a button that copies it. */
export function CodeBlock({ code, language }: { readonly code: string; readonly language: string }) {
  return (
    <div class="code">
      <div class="code-head">
        <span>{language || 'code'}</span>
        <CopyButton text={code} label="Copy code" />
      </div>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </div>
  )
}
