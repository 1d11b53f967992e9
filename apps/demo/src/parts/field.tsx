import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

export interface FieldProps {
  readonly label: string
  /** What is set now, shown beside the label. */
  readonly value?: string
  readonly hint?: string
  /** Draws the control; `id` and `describedBy` tie it to its label and hint. */
  readonly children: (ids: { readonly id: string; readonly describedBy: string | undefined }) => ComponentChildren
}

/** A control with its label, and what there is to say of it. */
export function Field({ label, value, hint, children }: FieldProps) {
  const id = useId()
  const hintId = `${id}-hint`
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
        {value !== undefined && <span class="field-value">{value}</span>}
      </label>
      {children({ id, describedBy: hint === undefined ? undefined : hintId })}
      {hint !== undefined && (
        <span class="field-hint" id={hintId}>
          {hint}
        </span>
      )}
    </div>
  )
}

export interface SliderProps {
  readonly label: string
  readonly min: number
  readonly max: number
  readonly step?: number
  readonly value: number
  /** How the value is written. Default: as a number. */
  readonly format?: (value: number) => string
  readonly hint?: string
  readonly onInput: (value: number) => void
}

/** A number out of a range. */
export function Slider({ label, min, max, step = 1, value, format = String, hint, onInput }: SliderProps) {
  return (
    <Field label={label} value={format(value)} {...(hint !== undefined && { hint })}>
      {({ id, describedBy }) => (
        <input
          class="slider"
          type="range"
          id={id}
          aria-describedby={describedBy}
          aria-valuetext={format(value)}
          min={min}
          max={max}
          step={step}
          value={value}
          onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
        />
      )}
    </Field>
  )
}

export interface SelectProps<T extends string> {
  readonly label: string
  readonly value: T
  /** What each choice is called. */
  readonly options: Readonly<Record<T, string>>
  readonly hint?: string
  readonly disabled?: boolean
  readonly onChange: (value: T) => void
}

/** One of a few choices. */
export function Select<T extends string>({ label, value, options, hint, disabled, onChange }: SelectProps<T>) {
  const names = Object.entries<string>(options)
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {({ id, describedBy }) => (
        <select
          class="input"
          id={id}
          aria-describedby={describedBy}
          disabled={disabled ?? false}
          onChange={({ currentTarget }) => {
            // The value is one of the keys that the options were made of.
            const name = (Object.keys(options) as T[]).find((key) => key === currentTarget.value)
            if (name !== undefined) onChange(name)
          }}
        >
          {names.map(([name, title]) => (
            <option key={name} value={name} selected={name === value}>
              {title}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
