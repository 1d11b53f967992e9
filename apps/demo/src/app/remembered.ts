import { effect, signal, type Signal } from '@preact/signals'

/** A setting that the browser keeps until the next visit. Where storage is forbidden, it lasts as long as the page. */
export function remembered<T extends string>(
  key: string,
  initial: T,
  isOne: (value: unknown) => value is T,
): Signal<T> {
  const stored = read(key)
  const setting = signal<T>(isOne(stored) ? stored : initial)
  effect(() => {
    try {
      localStorage.setItem(key, setting.value)
    } catch {
      // It holds for this page.
    }
  })
  return setting
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
