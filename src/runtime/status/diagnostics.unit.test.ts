import { expect, it } from 'vitest'
import { InvalidOptionsError } from '../../core/faults.ts'
import { onDiagnostic } from './diagnostics.ts'

it('refuses a channel that there is not, and names those that there are', () => {
  const misspelt = 'millrace:record:handeld'
  // @ts-expect-error: the compiler refuses it too
  const listen = () => onDiagnostic(misspelt, () => {})
  expect(listen).toThrow(InvalidOptionsError)
  expect(listen).toThrow(
    /no channel "millrace:record:handeld": give millrace:record:handled, .*millrace:component:failed/,
  )
})
