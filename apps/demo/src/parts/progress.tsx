export interface ProgressProps {
  readonly label: string
  /** From 0 to 1; undefined while nobody knows. */
  readonly share: number | undefined
  /** What is said at the end of the label. */
  readonly detail?: string
}

/** How far something has come. */
export function Progress({ label, share, detail }: ProgressProps) {
  const percent = share === undefined ? undefined : Math.round(Math.min(1, Math.max(0, share)) * 100)
  return (
    <div class="progress">
      <span class="field-label">
        {label}
        <span class="field-value">{detail ?? (percent === undefined ? '' : `${percent} %`)}</span>
      </span>
      <div
        class="progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      >
        <div class="progress-bar" style={{ transform: `scaleX(${(percent ?? 0) / 100})` }} />
      </div>
    </div>
  )
}
