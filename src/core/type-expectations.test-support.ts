/** For type tests: a line fails to compile when a type is not exactly the wanted one. Nothing here runs. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `same<Got>().as<Wanted>()`. */
export declare function same<Got>(): {
  as<Wanted>(...ok: Equal<Got, Wanted> extends true ? [] : [error: 'types differ', got: Got, wanted: Wanted]): void
}
/** `typeOf(value).is<Wanted>()`. */
export declare function typeOf<Got>(value: Got): {
  is<Wanted>(...ok: Equal<Got, Wanted> extends true ? [] : [error: 'types differ', got: Got, wanted: Wanted]): void
}
