/** Where a link in a model's text may lead: to pages and mail, never to scripts. */
export function safeAddress(href: string): string | undefined {
  if (!URL.canParse(href)) return undefined
  const { protocol } = new URL(href)
  return protocol === 'https:' || protocol === 'http:' || protocol === 'mailto:' ? href : undefined
}
