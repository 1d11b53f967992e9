import { describe, expect, it } from 'vitest'
import { entries } from './input.js'

describe('entries', () => {
  it('takes a line as a message, and an empty one as nothing', () => {
    const typed = entries()
    expect(typed.push('hello')).toEqual({ kind: 'message', text: 'hello' })
    expect(typed.push('   ')).toEqual({ kind: 'nothing' })
  })

  it('reads commands only where a message begins, and // as a slash', () => {
    const typed = entries()
    expect(typed.push('/system  be brief ')).toEqual({ kind: 'command', name: 'system', argument: 'be brief' })
    expect(typed.push('//etc/passwd')).toEqual({ kind: 'message', text: '/etc/passwd' })
    expect(typed.push('/etc/passwd')).toEqual({ kind: 'message', text: '/etc/passwd' })
    expect(typed.push('a\\')).toEqual({ kind: 'more' })
    expect(typed.push('/reset')).toEqual({ kind: 'message', text: 'a\n/reset' })
  })

  it('keeps what stands between fences as it is, backslashes and commands too', () => {
    const typed = entries()
    expect(typed.push('"""one')).toEqual({ kind: 'more' })
    expect(typed.open).toBe(true)
    expect(typed.push('/reset\\')).toEqual({ kind: 'more' })
    expect(typed.push('')).toEqual({ kind: 'more' })
    expect(typed.push('end"""')).toEqual({ kind: 'message', text: 'one\n/reset\\\n\nend' })
    expect(typed.open).toBe(false)
    expect(typed.push('"""all in one"""')).toEqual({ kind: 'message', text: 'all in one' })
  })

  it('drops what has begun, or gives it at the end', () => {
    const typed = entries()
    typed.push('"""a')
    typed.clear()
    expect(typed.open).toBe(false)
    expect(typed.end()).toEqual({ kind: 'nothing' })
    typed.push('b\\')
    expect(typed.end()).toEqual({ kind: 'message', text: 'b' })
  })
})
