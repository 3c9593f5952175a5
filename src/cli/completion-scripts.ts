import { commonOptions, type Option } from './command.ts'
import type { Declared } from './declarations.ts'

// A script knows what the tool knows when it is made: it never runs the tool, which would take a tenth of a second a key.
// Pinned objects are directories, and are found by the shell's own patterns.

/** A script by what the commands say of themselves. */
export const completionScripts: Readonly<Record<string, (commands: readonly Declared[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** What a word can be. */
type Kind =
  | 'object'
  | 'pinned'
  | 'map'
  | 'file'
  | 'directory'
  | { readonly words: readonly string[] }
  | undefined

/** By the name of an operand, or what stands behind an option. */
function kindOf(name: string): Kind {
  if (name === 'OBJECT' || name === 'OLD') return 'object'
  if (name === 'NAME|PATH') return 'pinned'
  if (name === 'MAP-PATH') return 'map'
  if (name === 'SHELL') return { words: Object.keys(completionScripts) }
  if (name === 'DIR' || name === 'BPFFS') return 'directory'
  if (name.startsWith('FILE')) return 'file'
  return undefined
}

function valueKind({ value, words }: Option): Kind {
  if (words) return { words }
  return value === undefined ? undefined : kindOf(value)
}

function optionsOf({ options }: Declared): [string, Option][] {
  return Object.entries({ ...options, ...commonOptions })
}

function operandKind({ operands }: Declared, index: number): Kind {
  const operand = operands[index] ?? (operands.at(-1)?.isRepeatable ? operands.at(-1) : undefined)
  return operand && kindOf(operand.name)
}

/** How many words of a command have a kind of their own; what is repeated has that of the last. */
function operandKinds(command: Declared): Kind[] {
  return command.operands.map((_, i) => operandKind(command, i))
}

const bashFunctions = `\
# Names of pinned objects, or paths of their maps, below a root: what bpffs writes as ':' is a dot.
_bpfpin_pinned() {
  local path name
  for path in "$1"/*/; do
    path=\${path%/} name=\${path##*/}
    [[ $name == '*' || $name == *'~'* ]] || printf '%s\\n' "\${name//:/.}"
  done
}
_bpfpin_maps() {
  local path
  for path in "$1"/*/maps/*; do
    [[ -e $path && $path != *'~prev/'* && $path != *'~next/'* ]] || continue
    path=\${path#"$1"/}
    printf '%s\\n' "\${path%/*}/\${path##*/}" | sed 's|/:|/.|'
  done
}`

function bashScript(commands: readonly Declared[]): string {
  const valued = commands.flatMap(command =>
    optionsOf(command).flatMap(([name, option]) =>
      option.value === undefined
        ? []
        : [`    '${command.name} --${name}') ${bashKind(valueKind(option))} ;;`],
    ),
  )
  const operands = commands.flatMap(command =>
    operandKinds(command).flatMap((kind, i) => {
      const isLast = i === command.operands.length - 1 && command.operands[i]?.isRepeatable
      return kind === undefined ? [] : [`    '${command.name} '${isLast ? '*' : i}) ${bashKind(kind)} ;;`]
    }),
  )
  const flags = commands.map(command => {
    const names = optionsOf(command).map(([name]) => `--${name}`)
    return `    ${command.name}) _bpfpin_words '${names.join(' ')}' ;;`
  })
  return `\
# bash completion for bpfpin, made by: bpfpin completion bash
${bashFunctions}
_bpfpin_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
# Not by compgen -W, which runs what it finds in a name: names on bpffs are anybody's.
_bpfpin_found() {
  local name
  while IFS= read -r name; do
    [[ $name != "$cur"* ]] || COMPREPLY+=("$(printf %q "$name")")
  done < <("$1" "$root")
}
_bpfpin_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
}
_bpfpin_objects() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -X '!*.o' -- "$cur"; compgen -d -- "$cur")
}
# Takes what stands before the cursor apart: the command, the root, how many operands there are.
_bpfpin() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]-} root=/sys/fs/bpf operands=0 i word
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _bpfpin_words '${commands.map(({ name }) => name).join(' ')} --help --version'
    return
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$command $word" in
    *' --root') root=\${COMP_WORDS[++i]-} ;;
${valuedPattern(commands, '    ')} ((i++)) ;;
    *' -'*) ;;
    *) ((operands++)) ;;
    esac
  done
  case "$command $prev" in
${valued.join('\n').replaceAll(/^ {4}/gm, '  ')}
  *)
    case "$cur" in
    -*)
      case "$command" in
${flags.map(line => `  ${line}`).join('\n')}
      esac
      ;;
    *)
      case "$command $operands" in
${operands.map(line => `  ${line}`).join('\n')}
      esac
      ;;
    esac
    ;;
  esac
}
complete -F _bpfpin bpfpin
`
}

function valuedPattern(commands: readonly Declared[], indent: string): string {
  const names = commands.flatMap(command =>
    optionsOf(command).flatMap(([name, { value }]) =>
      value === undefined || name === 'root' ? [] : [`'${command.name} --${name}'`],
    ),
  )
  return `${indent}${names.join(' | ')})`
}

function bashKind(kind: Kind): string {
  switch (kind) {
    case undefined:
      return ':'
    case 'object':
      return '_bpfpin_objects'
    case 'pinned':
      return '_bpfpin_found _bpfpin_pinned'
    case 'map':
      return '_bpfpin_found _bpfpin_maps'
    case 'file':
      return '_bpfpin_files -f'
    case 'directory':
      return '_bpfpin_files -d'
    default:
      return `_bpfpin_words '${kind.words.join(' ')}'`
  }
}

function zshScript(commands: readonly Declared[]): string {
  const cases = commands.map(command => {
    const options = optionsOf(command).map(([name, option]) => {
      const { value, text, isRepeatable } = option
      const many = isRepeatable ? '*' : ''
      const behind = value === undefined ? '' : `:${inZsh(value)}:${zshKind(valueKind(option))}`
      return `'${many}--${name}[${inZsh(text)}]${behind}'`
    })
    const operands = command.operands.map(({ name, isOptional, isRepeatable }, i) => {
      const place = isRepeatable ? '*' : `${i + 1}`
      return `'${place}:${isOptional ? ':' : ''}${inZsh(name)}:${zshKind(operandKind(command, i))}'`
    })
    return `    ${command.name}) _arguments ${[...options, ...operands].join(' \\\n      ')} ;;`
  })
  const names = commands.map(({ name, summary }) => `    '${name}:${inZsh(summary)}'`)
  return `\
#compdef bpfpin
# zsh completion for bpfpin, made by: bpfpin completion zsh
_bpfpin_root() {
  local i=\${words[(I)--root]}
  print -r -- "\${\${words[i+1]}:-/sys/fs/bpf}"
}
_bpfpin_pinned() {
  setopt localoptions extendedglob
  local root=/sys/fs/bpf; (( \${words[(I)--root]} )) && root=$(_bpfpin_root)
  local -a found=($root/*~*'~'*(N/:t))
  compadd -- \${found//:/.}
}
_bpfpin_maps() {
  local root=/sys/fs/bpf; (( \${words[(I)--root]} )) && root=$(_bpfpin_root)
  local -a found=($root/*/maps/*(N))
  found=(\${found#$root/})
  compadd -- \${found//\\/:/\\/.}
}
_bpfpin() {
  local -a commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join('\n')}
  esac
}
[[ $funcstack[1] == _bpfpin ]] && _bpfpin "$@" || compdef _bpfpin bpfpin
`
}

/** Between single quotes, where _arguments gives brackets and colons a meaning. */
function inZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&')
}

function zshKind(kind: Kind): string {
  switch (kind) {
    case undefined:
      return ' '
    case 'object':
      return '_files -g "*.o"'
    case 'pinned':
      return '_bpfpin_pinned'
    case 'map':
      return '_bpfpin_maps'
    case 'file':
      return '_files'
    case 'directory':
      return '_files -/'
    default:
      return `(${kind.words.join(' ')})`
  }
}

function fishScript(commands: readonly Declared[]): string {
  const rest = commands.flatMap(command => {
    const only = `complete -c bpfpin -n '__fish_seen_subcommand_from ${command.name}'`
    const options = optionsOf(command).map(([name, option]) => {
      const behind = option.value === undefined ? '' : ` -x${fishKind(valueKind(option))}`
      return `${only} -l ${name}${behind} -d '${inFish(option.text)}'`
    })
    const kinds = new Set(operandKinds(command).map(fishKind).filter(Boolean))
    return [...options, ...Array.from(kinds, kind => `${only}${kind}`)]
  })
  const names = commands.map(
    ({ name, summary }) => `complete -c bpfpin -n __fish_use_subcommand -a ${name} -d '${inFish(summary)}'`,
  )
  return `\
# fish completion for bpfpin, made by: bpfpin completion fish
function __bpfpin_root
    set -l words (commandline -opc)
    set -l i (contains -i -- --root $words)
    and test (count $words) -gt $i
    and echo $words[(math $i + 1)]
    or echo /sys/fs/bpf
end
function __bpfpin_pinned
    for path in (__bpfpin_root)/*/
        string match -q '*~*' -- $path
        or string replace -a : . -- (basename $path)
    end
end
function __bpfpin_maps
    set -l root (__bpfpin_root)
    for path in $root/*/maps/*
        string replace -- /: /. (string replace -- $root/ '' $path)
    end
end
complete -c bpfpin -f
${[...names, ...rest].join('\n')}
`
}

function inFish(text: string): string {
  return text.replace(/['\\]/g, '\\$&')
}

function fishKind(kind: Kind): string {
  switch (kind) {
    case undefined:
      return ''
    case 'object':
      return " -a '(__fish_complete_suffix .o)'"
    case 'pinned':
      return " -a '(__bpfpin_pinned)'"
    case 'map':
      return " -a '(__bpfpin_maps)'"
    case 'file':
      return " -a '(__fish_complete_path)'"
    case 'directory':
      return " -a '(__fish_complete_directories)'"
    default:
      return ` -a '${kind.words.join(' ')}'`
  }
}
