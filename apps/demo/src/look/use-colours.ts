import { useEffect, useState } from 'preact/hooks'

/** What names of colours mean in the theme of the moment: a canvas knows no names. */
export function useColours(...names: readonly string[]): readonly string[] {
  const [theme, setTheme] = useState(0)
  useEffect(() => {
    const change = (): void => setTheme((now) => now + 1)
    const chosen = new MutationObserver(change)
    chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', change)
    return () => {
      chosen.disconnect()
      system.removeEventListener('change', change)
    }
  }, [])
  void theme
  return names.map(colourOf)
}

/** As the browser computes it: a name may stand for one colour in light and another in dark. */
function colourOf(name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
