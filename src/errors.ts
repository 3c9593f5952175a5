/** What a {@link BpfError} can carry besides its message. */
export interface ErrorFields {
  /** Stable and matchable: a kernel errno name (`'EPERM'`) or one of the `ERR_...` codes. */
  readonly code: string
  /** The positive errno, where a system call failed. */
  readonly errno?: number
  /** The system call as a person would say it: `'bpf(BPF_OBJ_PIN)'`. */
  readonly syscall?: string
  /** The file or pin that the failing operation was about. */
  readonly path?: string
  /** What to try, found by looking for the reason after the failure. */
  readonly hint?: string
  readonly cause?: unknown
}

/**
 * Every error that bpfpin throws on purpose. Match on `code`, not on the class: two copies of the package may be
 * loaded in one process.
 */
export class BpfError extends Error {
  readonly code: string
  // declared only: an absent field must not appear as `undefined` when the error is printed
  declare readonly errno?: number
  declare readonly syscall?: string
  declare readonly path?: string
  declare readonly hint?: string

  constructor(message: string, { code, cause, ...fields }: ErrorFields) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, fields)
  }

  // not `constructor.name`: a minified bundle must print the same
  override get name(): string {
    return 'BpfError'
  }
}

/** An ELF file that breaks the format, or that is not a BPF object. `where` is the place: `.rel.text[3]`. */
export class ElfError extends BpfError {
  readonly where: string

  constructor(where: string, problem: string, fields: Partial<ErrorFields> = {}) {
    super(`${where}: ${problem}`, { code: 'ERR_ELF', ...fields })
    this.where = where
  }

  override get name(): string {
    return 'ElfError'
  }
}

/** BTF that breaks the format or its own rules. `where` is the place: `.BTF/type[12]/member[3]`. */
export class BtfError extends BpfError {
  readonly where: string

  constructor(where: string, problem: string, fields: Partial<ErrorFields> = {}) {
    super(`${where}: ${problem}`, { code: 'ERR_BTF', ...fields })
    this.where = where
  }

  override get name(): string {
    return 'BtfError'
  }
}

/** The kernel's verifier refused a program. */
export class VerifierError extends BpfError {
  /** The program as named in the object. */
  readonly program: string
  /** The verifier's whole log, one instruction or remark a line. */
  readonly log: string

  constructor(program: string, summary: string, log: string, fields: Partial<ErrorFields> = {}) {
    super(`program '${program}' was refused by the verifier: ${summary}`, { code: 'ERR_VERIFIER', ...fields })
    this.program = program
    this.log = log
  }

  override get name(): string {
    return 'VerifierError'
  }
}

/**
 * The error for a file that could not be opened or read by Node's own functions.
 *
 * @param doing as it stands in a sentence: `"reading object 'a.bpf.o'"`
 * @param ifAbsent the hint where there is no such file
 */
export function fileError(doing: string, path: string, cause: unknown, ifAbsent?: string): BpfError {
  // Node's own errors carry these
  const { code = 'EIO', syscall, message } = cause as { code?: string; syscall?: string; message: string }
  return new BpfError(`${doing}: ${code === 'ENOENT' ? 'there is no such file' : message}`, {
    code,
    path,
    cause,
    ...(syscall ? { syscall } : {}),
    ...(code === 'EMFILE' ? { hint: tooManyFiles } : {}),
    ...(code === 'ENOENT' && ifAbsent ? { hint: ifAbsent } : {}),
  })
}

const tooManyFiles =
  'this process may open no more files: raise the limit (ulimit -n, LimitNOFILE= of a systemd service)'
