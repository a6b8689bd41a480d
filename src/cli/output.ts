import { onOneLine } from '../app/operator/text.ts'

/** Where a command writes. */
export interface OutputStream {
  write(text: string): unknown
}

/** A column of a table: its title, and whether it holds numbers, which stand at the right. */
export interface Column {
  readonly title: string
  readonly isNumber?: boolean
}

/** What a command says: lines and tables for people, or JSON for programs. */
export class Output {
  readonly isJson: boolean
  readonly #out: OutputStream
  readonly #err: OutputStream

  constructor({ json, out, err }: { readonly json: boolean; readonly out: OutputStream; readonly err: OutputStream }) {
    this.isJson = json
    this.#out = out
    this.#err = err
  }

  /** A whole answer for programs. */
  json(answer: object): void {
    this.#out.write(`${JSON.stringify(answer, null, 2)}\n`)
  }
  /** One of many answers, on a line of its own. */
  jsonLine(answer: object): void {
    this.#out.write(`${JSON.stringify(answer)}\n`)
  }
  line(text = ''): void {
    this.#out.write(`${text}\n`)
  }
  /** Apart from the answer, on standard error. */
  note(text: string): void {
    this.#err.write(`${text}\n`)
  }
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    for (const line of layOut(columns, rows)) this.line(line)
  }
}

/** Aligned columns, two spaces apart, a title above each. */
export function layOut(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(onOneLine))]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const pad = (cell: string, column: number) =>
    columns[column]!.isNumber ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
  return cells.map((row) => row.map(pad).join('  ').trimEnd())
}
