import { useState } from 'preact/hooks'
import { Button } from '../parts/button.js'

type Theme = 'light' | 'dark'
const KEY = 'g3-theme'

const systemTheme = (): Theme => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')

/** A visitor's choice, if there is one. Storage may be forbidden; then it lasts as long as the page. */
function chosenTheme(): Theme | undefined {
  try {
    const stored = localStorage.getItem(KEY)
    return stored === 'light' || stored === 'dark' ? stored : undefined
  } catch {
    return undefined
  }
}

/** Applies what was chosen at an earlier visit. */
export function restoreTheme(): void {
  const theme = chosenTheme()
  if (theme !== undefined) document.documentElement.dataset.theme = theme
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(() => chosenTheme() ?? systemTheme())
  const other = theme === 'dark' ? 'light' : 'dark'
  const choose = (): void => {
    document.documentElement.dataset.theme = other
    setTheme(other)
    try {
      localStorage.setItem(KEY, other)
    } catch {
      // It holds for this page.
    }
  }
  return (
    <Button
      kind="plain"
      small
      icon={theme === 'dark' ? 'sun' : 'moon'}
      label={`Use ${other} colours`}
      onClick={choose}
    />
  )
}
