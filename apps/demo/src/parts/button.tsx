import type { ComponentChildren, JSX } from 'preact'
import { Icon, type IconName } from './icon.js'

export interface ButtonProps extends Omit<JSX.IntrinsicElements['button'], 'icon' | 'size' | 'label'> {
  /** `main` is the one thing to do, `plain` has no box. Default: a box. */
  readonly kind?: 'main' | 'plain' | 'box'
  readonly small?: boolean
  readonly danger?: boolean
  readonly icon?: IconName
  /** What a button that only shows an icon is called. */
  readonly label?: string
  readonly children?: ComponentChildren
}

/** A button. One without words has a label. */
export function Button({ kind = 'box', small, danger, icon, label, children, class: more, ...rest }: ButtonProps) {
  const classes = [
    'button',
    kind !== 'box' && `button-${kind}`,
    small && 'button-small',
    danger && 'button-danger',
    children === undefined && 'button-icon',
    more,
  ]
  return (
    <button
      type="button"
      class={classes.filter(Boolean).join(' ')}
      {...(label !== undefined && { 'aria-label': label, title: label })}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}
