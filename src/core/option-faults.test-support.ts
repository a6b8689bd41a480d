import { InvalidOptionsError } from './faults.ts'

/** The paths of all faults that a call reports about its options; fails when it reports none. */
export function faultPathsOf(call: () => unknown): readonly string[] {
  try {
    call()
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.faults.map(({ path }) => path)
    throw error
  }
  throw new Error('no fault was reported')
}
