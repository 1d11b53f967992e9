import { expect, it } from 'vitest'
import { safeAddress } from './address.js'

it.each(['https://example.org/a?b#c', 'http://example.org', 'mailto:a@example.org'])(
  'lets %s lead somewhere',
  (href) => {
    expect(safeAddress(href)).toBe(href)
  },
)

it.each([
  'javascript:alert(1)',
  ' JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'blob:https://a/b',
  'file:///etc',
  '/relative',
  '',
])('lets %s lead nowhere', (href) => expect(safeAddress(href)).toBeUndefined())
