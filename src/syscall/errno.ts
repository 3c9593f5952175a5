// Linux has one numbering on x64 and arm64 (include/uapi/asm-generic/errno-base.h, errno.h). Node's own table stops at
// what libuv knows, so it has no name for 524 and calls others by the names of other systems.

/** From 1 on, a line each: the name and the text. */
const texts = `
EPERM operation not permitted
ENOENT no such file or directory
ESRCH no such process
EINTR interrupted system call
EIO input/output error
ENXIO no such device or address
E2BIG argument list too long
ENOEXEC exec format error
EBADF bad file descriptor
ECHILD no child processes
EAGAIN resource temporarily unavailable
ENOMEM cannot allocate memory
EACCES permission denied
EFAULT bad address
ENOTBLK block device required
EBUSY device or resource busy
EEXIST file exists
EXDEV invalid cross-device link
ENODEV no such device
ENOTDIR not a directory
EISDIR is a directory
EINVAL invalid argument
ENFILE too many open files in system
EMFILE too many open files
ENOTTY inappropriate ioctl for device
ETXTBSY text file busy
EFBIG file too large
ENOSPC no space left on device
ESPIPE illegal seek
EROFS read-only file system
EMLINK too many links
EPIPE broken pipe
EDOM numerical argument out of domain
ERANGE numerical result out of range
EDEADLK resource deadlock avoided
ENAMETOOLONG file name too long
ENOLCK no locks available
ENOSYS function not implemented
ENOTEMPTY directory not empty
ELOOP too many levels of symbolic links

ENOMSG no message of desired type
EIDRM identifier removed
ECHRNG channel number out of range
EL2NSYNC Level 2 not synchronized
EL3HLT Level 3 halted
EL3RST Level 3 reset
ELNRNG link number out of range
EUNATCH protocol driver not attached
ENOCSI no CSI structure available
EL2HLT Level 2 halted
EBADE invalid exchange
EBADR invalid request descriptor
EXFULL exchange full
ENOANO no anode
EBADRQC invalid request code
EBADSLT invalid slot

EBFONT bad font file format
ENOSTR device not a stream
ENODATA no data available
ETIME timer expired
ENOSR out of streams resources
ENONET machine is not on the network
ENOPKG package not installed
EREMOTE object is remote
ENOLINK link has been severed
EADV advertise error
ESRMNT srmount error
ECOMM communication error on send
EPROTO protocol error
EMULTIHOP multihop attempted
EDOTDOT RFS specific error
EBADMSG bad message
EOVERFLOW value too large for defined data type
ENOTUNIQ name not unique on network
EBADFD file descriptor in bad state
EREMCHG remote address changed
ELIBACC can not access a needed shared library
ELIBBAD accessing a corrupted shared library
ELIBSCN .lib section in a.out corrupted
ELIBMAX attempting to link in too many shared libraries
ELIBEXEC cannot exec a shared library directly
EILSEQ invalid or incomplete multibyte or wide character
ERESTART interrupted system call should be restarted
ESTRPIPE streams pipe error
EUSERS too many users
ENOTSOCK socket operation on non-socket
EDESTADDRREQ destination address required
EMSGSIZE message too long
EPROTOTYPE protocol wrong type for socket
ENOPROTOOPT protocol not available
EPROTONOSUPPORT protocol not supported
ESOCKTNOSUPPORT socket type not supported
EOPNOTSUPP operation not supported
EPFNOSUPPORT protocol family not supported
EAFNOSUPPORT address family not supported by protocol
EADDRINUSE address already in use
EADDRNOTAVAIL cannot assign requested address
ENETDOWN network is down
ENETUNREACH network is unreachable
ENETRESET network dropped connection on reset
ECONNABORTED software caused connection abort
ECONNRESET connection reset by peer
ENOBUFS no buffer space available
EISCONN transport endpoint is already connected
ENOTCONN transport endpoint is not connected
ESHUTDOWN cannot send after transport endpoint shutdown
ETOOMANYREFS too many references: cannot splice
ETIMEDOUT connection timed out
ECONNREFUSED connection refused
EHOSTDOWN host is down
EHOSTUNREACH no route to host
EALREADY operation already in progress
EINPROGRESS operation now in progress
ESTALE stale file handle
EUCLEAN structure needs cleaning
ENOTNAM not a XENIX named type file
ENAVAIL no XENIX semaphores available
EISNAM is a named type file
EREMOTEIO remote I/O error
EDQUOT disk quota exceeded
ENOMEDIUM no medium found
EMEDIUMTYPE wrong medium type
ECANCELED operation canceled
ENOKEY required key not available
EKEYEXPIRED key has expired
EKEYREVOKED key has been revoked
EKEYREJECTED key was rejected by service
EOWNERDEAD owner died
ENOTRECOVERABLE state not recoverable
ERFKILL operation not possible due to RF-kill
EHWPOISON memory page has hardware error
`

/** Those of the kernel itself (include/linux/errno.h), which bpf(2) lets out. */
const internal: Readonly<Record<number, string>> = {
  512: 'ERESTARTSYS interrupted',
  524: 'ENOTSUPP not supported',
}

let lines: readonly string[] | undefined

function lineOf(errno: number): string {
  lines ??= texts.split('\n')
  return lines[errno] || internal[errno] || ''
}

/** `1` -> `'EPERM'`; a number that has no name -> `'E1234'`. */
export function errnoName(errno: number): string {
  return /^\w+/.exec(lineOf(errno))?.[0] ?? `E${errno}`
}

/** `1` -> `'operation not permitted'`. */
export function errnoText(errno: number): string {
  return / (.+)/.exec(lineOf(errno))?.[1] ?? 'unknown error'
}

// What the functions of this room return where the kernel refuses.
export const EPERM = -1
export const ENOENT = -2
export const ESRCH = -3
export const EIO = -5
export const E2BIG = -7
export const EBADF = -9
export const EAGAIN = -11
export const EACCES = -13
export const EBUSY = -16
export const EEXIST = -17
export const ENODEV = -19
export const ENOTDIR = -20
export const EISDIR = -21
export const EINVAL = -22
export const ENOSPC = -28
export const ENAMETOOLONG = -36
export const ENOSYS = -38
export const ENOTEMPTY = -39
export const ELOOP = -40
export const ENOLINK = -67
export const EOPNOTSUPP = -95
export const ENOTSUPP = -524
export const EINTR = -4
export const ENOMEM = -12
