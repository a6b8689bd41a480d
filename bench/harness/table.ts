import type { Row } from './suite.ts'

/** Aligned columns as Markdown, so that the table can stand in a document as it is. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [
    ['what', 'median', 'lowest – highest', 'unit', 'goal', 'note'],
    ...rows.map((row) => [
      row.what,
      formatNumber(row.value),
      `${formatNumber(row.lowest)} – ${formatNumber(row.highest)}`,
      row.unit,
      row.goal === undefined ? '' : `${row.goal.text}: ${row.goal.met ? 'met' : 'missed'}`,
      row.note ?? '',
    ]),
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const lines = cells.map((row) => `| ${row.map((cell, column) => align(cell, widths[column]!, column)).join(' | ')} |`)
  const rule = `|${widths.map((width, column) => (isFigure(column) ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

/** Whole numbers with thousands apart; small ones with two decimals. */
export function formatNumber(value: number): string {
  return value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en-US')
}

/** Per cent of a limit, for notes. */
export function formatShare(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)} %`
}

function isFigure(column: number): boolean {
  return column === 1 || column === 2
}
function align(cell: string, width: number, column: number): string {
  return isFigure(column) ? cell.padStart(width) : cell.padEnd(width)
}
