import { RefusedStatementError } from '../errors.ts'

const leading = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]+)/i
const writing = /\b(?:insert|update|delete|replace)\b/i

/** The first word of a statement in lower case, after blanks and comments. */
function verbOf(sql: string): string {
  return leading.exec(sql)?.[1]?.toLowerCase() ?? ''
}

/** Whether a statement surely only reads. A doubtful one counts as writing, which is right too, and only slower. */
export function onlyReads(sql: string): boolean {
  const verb = verbOf(sql)
  if (verb === 'with') return !writing.test(sql)
  return verb === 'select' || verb === 'values' || verb === 'explain'
}

/** Throws `RefusedStatementError` for a statement that begins or ends a transaction; savepoints only inside one. */
export function refuseTransactionControl(sql: string, insideTransaction: boolean): void {
  switch (verbOf(sql)) {
    case 'begin':
    case 'commit':
    case 'end':
      throw new RefusedStatementError(
        sql,
        "transactions are opened and committed by the handler's end or by db.transaction()",
      )
    case 'rollback':
      if (insideTransaction && /\bto\b/i.test(sql)) return
      throw new RefusedStatementError(sql, 'throw in the handler to roll its transaction back')
    case 'savepoint':
    case 'release':
      if (insideTransaction) return
      throw new RefusedStatementError(sql, 'a savepoint needs a transaction around it')
  }
}

/** Whether there is more than blanks and comments behind the first statement of a text. */
export function hasSecondStatement(rest: string): boolean {
  return /\S/.test(rest.replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;/g, ''))
}
