/** Keeps the site for offline use. Where that cannot be, the site works as long as the network does. */
export function keepOffline(): void {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return
  addEventListener('load', () => {
    navigator.serviceWorker.register('./sw.js', { scope: './' }).catch((error: unknown) => {
      console.warn('This site is not kept for offline use:', error)
    })
  })
}
