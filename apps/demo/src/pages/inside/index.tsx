import { PageFrame } from '../../parts/card.js'
import { Notice } from '../../parts/notice.js'

export function Page() {
  return (
    <PageFrame title="Inside" lead="This page is being built.">
      <Notice>Come back soon.</Notice>
    </PageFrame>
  )
}
