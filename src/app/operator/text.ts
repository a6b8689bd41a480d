/** How texts of others and times are shown to people. */
export { describeDuration } from '../../core/duration.ts'
export { onOneLine } from '../../core/one-line.ts'
