import type { GrownToken, NamedChoice } from './grow.js'

/** One step: what was allowed, and what the model would have liked. */
export function StepView({ token, number }: { readonly token: GrownToken; readonly number: number }) {
  const { allowed, vocabulary, choices, refused, isForced, id, couldEnd } = token
  const share = (100 * allowed) / vocabulary
  return (
    <section class="step" aria-label={`Step ${number}`}>
      <h3>
        Step {number}: {allowed.toLocaleString('en')} of {vocabulary.toLocaleString('en')} tokens may come
      </h3>
      <div class="step-track" aria-hidden="true">
        <span style={{ width: `${Math.max(share, 0.4)}%` }} />
      </div>
      <p class="soft small">
        {isForced ? 'All of them write the same text: there is no choice. ' : ''}
        {couldEnd ? 'The text could end here.' : ''}
      </p>
      <ol class="choices">
        {choices.map((choice) => (
          <ChoiceRow key={choice.id} choice={choice} isTaken={choice.id === id} />
        ))}
      </ol>
      {refused.length > 0 && (
        <>
          <h4 class="small">Refused, though the model thought of it</h4>
          <ul class="choices">
            {refused.map((choice) => (
              <ChoiceRow key={choice.id} choice={choice} isRefused />
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

function ChoiceRow(props: { readonly choice: NamedChoice; readonly isTaken?: boolean; readonly isRefused?: boolean }) {
  const { choice, isTaken = false, isRefused = false } = props
  const percent = 100 * choice.probability
  return (
    <li class={`choice${isTaken ? ' choice-taken' : ''}${isRefused ? ' choice-refused' : ''}`}>
      <span class="choice-text mono">{choice.text.replaceAll('\n', '⏎').replaceAll(' ', '␣')}</span>
      <span class="choice-track" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
      <span class="choice-share numbers">{percent < 0.1 ? '< 0.1' : percent.toFixed(1)} %</span>
      {isTaken && <span class="hidden">taken</span>}
    </li>
  )
}
