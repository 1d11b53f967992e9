import type { Page } from '@g3/chromium'

/** Drags files from the desktop onto the element of a selector, and lets them go there. */
export async function drop(page: Page, selector: string, files: readonly string[]): Promise<void> {
  const place = await page.evaluate<{ x: number; y: number }>(`(() => {
    const { x, y, width, height } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect()
    return { x: x + width / 2, y: y + height / 2 }
  })()`)
  const data = { items: [], files, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await page.send('Input.dispatchDragEvent', { type, ...place, data })
  }
}
