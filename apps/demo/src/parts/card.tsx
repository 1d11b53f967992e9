import type { ComponentChildren } from 'preact'

export interface CardProps {
  readonly title?: string
  /** What stands beside the title. */
  readonly aside?: ComponentChildren
  readonly class?: string
  readonly children: ComponentChildren
}

/** A part of a page. */
export function Card({ title, aside, class: more, children }: CardProps) {
  return (
    <section class={more === undefined ? 'card' : `card ${more}`} aria-label={title}>
      {title !== undefined && (
        <div class="row">
          <h2>{title}</h2>
          <span class="top-space" />
          {aside}
        </div>
      )}
      {children}
    </section>
  )
}

export interface PageProps {
  readonly title: string
  /** What is to be seen here, in a sentence or two. */
  readonly lead: ComponentChildren
  readonly children: ComponentChildren
}

/** The frame of a page that scrolls. */
export function PageFrame({ title, lead, children }: PageProps) {
  return (
    <div class="page-inner">
      <header class="page-head">
        <h1>{title}</h1>
        <p class="soft">{lead}</p>
      </header>
      {children}
    </div>
  )
}
