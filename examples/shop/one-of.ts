import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** `column in (…)` with all the values as one parameter, however many they are. */
export function oneOf(column: string, values: readonly string[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} in (select value from json_each(${JSON.stringify(values)}))`
}
