import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon.js'

export type NoticeKind = 'info' | 'good' | 'warn' | 'bad'

const ICONS: Readonly<Record<NoticeKind, IconName>> = { info: 'info', good: 'check', warn: 'warn', bad: 'warn' }

export interface NoticeProps {
  readonly kind?: NoticeKind
  readonly children: ComponentChildren
}

/** Something to be known. What went wrong is read out at once. */
export function Notice({ kind = 'info', children }: NoticeProps) {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <Icon name={ICONS[kind]} />
      <div class="notice-body">{children}</div>
    </div>
  )
}
