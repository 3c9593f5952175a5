/** Which tests there are, and which of them run where. */
export function testFiles(
  dir: string,
  options: { readonly all: boolean; readonly machine?: string; readonly arch?: string },
): {
  readonly files: readonly string[]
  readonly leftOut: readonly { readonly name: string; readonly why: string }[]
}
