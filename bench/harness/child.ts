import { fork } from 'node:child_process'

/** What a program is started with. */
export interface ChildOptions {
  readonly parameters: readonly string[]
  /** Of Node itself. */
  readonly flags?: readonly string[]
}

/**
 * Runs a program and resolves with the one message that it sends, when it has ended: what it cleans up then is no part
 * of what is measured next. Rejects when it fails or says nothing.
 */
export function runChild<T>(program: string, { parameters, flags = [] }: ChildOptions): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const child = fork(program, parameters, { execArgv: [...flags] })
  let answer: { readonly message: T } | undefined
  child.on('message', (message: T) => {
    answer = { message }
  })
  child.on('error', reject)
  child.on('exit', (code, signal) => {
    if (code === 0 && answer !== undefined) resolve(answer.message)
    else reject(new Error(`${program} ${parameters.join(' ')} ended with ${signal ?? `exit code ${code}`}.`))
  })
  return promise
}
