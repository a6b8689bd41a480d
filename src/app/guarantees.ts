import type { Guarantee } from '../runtime/attachment.ts'

/** The start-up table: aligned columns, one line for each component. */
export function describeGuarantees(app: string, location: string, guarantees: readonly Guarantee[]): string {
  const title = `${app} on ${location}`
  if (guarantees.length === 0) return `${title}: no components`
  const rows = [
    ['component', 'reads', 'commits in', 'guarantee'],
    ...guarantees.map(({ kind, name, reads, home, guarantee }) => [
      `${kind} ${name}`,
      reads.join(', ') || '-',
      home,
      guarantee,
    ]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  return [title, ...lines.map((line) => `  ${line}`)].join('\n')
}
