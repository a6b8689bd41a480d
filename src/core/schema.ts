import { MillraceError } from './errors.ts'
import type { Fault } from './faults.ts'

/** Standard Schema v1, the part that we read (https://standardschema.dev). Zod, Valibot, ArkType and others have it. */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validated<Output> | Promise<Validated<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}
/** What a validator answers: the output, or what is wrong. */
export type Validated<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/** What a schema takes. */
export type SchemaInput<S extends Schema> = NonNullable<S['~standard']['types']>['input']
/** What a schema gives once it validated. */
export type SchemaOutput<S extends Schema> = NonNullable<S['~standard']['types']>['output']

/** Keys that every member of the union has with a string *literal*: the properties that may discriminate it. */
export type DiscriminatorKey<T> = {
  [K in keyof T & string]: T[K] extends string ? (string extends T[K] ? never : K) : never
}[keyof T & string]

/** `'type'` where the values have one, else none: then handlers are functions, never maps. */
export type DefaultDiscriminator<T> = 'type' extends DiscriminatorKey<T> ? 'type' : never

/** The names of the events in a union, by its discriminator. */
export type TypeName<T, By extends string> = [By] extends [never]
  ? never
  : T extends { readonly [K in By]: infer N extends string }
    ? N
    : never

/** One member of the union by its name; also right where one member carries several names (an enum). */
export type Narrow<T, By extends string, N extends string> = T extends unknown
  ? T extends { readonly [K in By]: N }
    ? T
    : T extends { readonly [K in By]: infer M }
      ? N extends M
        ? T & { readonly [K in By]: N }
        : never
      : never
  : never

/** A schema answered with a promise: validators must be synchronous. */
export class AsynchronousSchemaError extends MillraceError {
  readonly code = 'ASYNCHRONOUS_SCHEMA'
  constructor(what: string) {
    super(
      `The schema of ${what} answered with a promise: it validates asynchronously, or a check of it threw (zod answers so then). Make its checks synchronous, and let them report faults instead of throwing.`,
    )
  }
}

/** Validates `value`. Returns the output, or every fault with its path (`items.0.quantity`). `what` names the schema's owner. */
export function validate<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
  what: string,
): { readonly value: Output; readonly faults?: undefined } | { readonly faults: readonly Fault[] } {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    // Nobody waits for it: its rejection would end the process.
    result.catch(() => {})
    throw new AsynchronousSchemaError(what)
  }
  if (result.issues === undefined) return result
  return { faults: result.issues.map(({ message, path }) => ({ path: joinPath(path ?? []), message })) }
}

/** Whether `value` is a Standard Schema of version 1. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } })['~standard']
  return typeof standard === 'object' && standard?.version === 1 && typeof standard.validate === 'function'
}

function joinPath(path: readonly unknown[]): string {
  return path.map((part) => String(isPathObject(part) ? part.key : part)).join('.')
}
function isPathObject(part: unknown): part is { readonly key: unknown } {
  return typeof part === 'object' && part !== null && 'key' in part
}
