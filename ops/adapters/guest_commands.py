"""All that is ever run on a guest, for a POSIX shell and coreutils (or busybox).

ROOM is a shell that is kept open: it knows the scripts LOOK and REPLACE and runs what it is asked for. Beside
it two plain command lines, one for a login that has to prove itself and one that cleans up. Whatever answers
does so with lines that begin with MARK, so that a login's own chatter does no harm. What is asked never holds
the answer, so that a forced command which repeats it proves nothing.
"""

import shlex
from collections.abc import Sequence

MARK = "pve-keys:"

ROOM = "pve-keys-room"
LOOK = "look"
REPLACE = "replace"

# $1 is a word of the caller's; `look` and `replace` are the scripts. Each line that begins with the word is a
# request: a script, whose rights, its arguments, quoted for a shell. A script reads its own input; what it
# leaves of that (bytes of a file) begins with no such word, and is passed over. sudo is given pipes of its
# own, here and in LOOK: where it keeps logs it reads ahead, and leaves what it was given unable to wait
# (O_NONBLOCK). Where sh is bash, a TMOUT of the host's would end the wait for the next request.
_ROOM = r"""
word=$1
unset TMOUT
while read -r first request; do
  [ "$first" = "$word" ] || continue
  eval "set -- $request"
  script=$1 rights=$2
  shift 2
  case $script-$rights in
  look-own) (eval "$look") </dev/null ;;
  replace-own) (eval "$replace") ;;
  replace-sudo) dd bs=1 count="$4" 2>/dev/null | sudo -n sh -c "$replace" pve-keys-replace "$@" 2>&1 | cat ;;
  esac
  echo "pve-keys: over $word"
done
"""

# $1 is the run's tag. Tells: user, home, whether /etc/pve is there, what sshd's configuration says for this
# user, and for each file of AuthorizedKeysFile: name, real path, how it can be replaced, content and a
# backup's in base64. sshd itself is asked (-T needs root; -G, 9.3 and later, does not) unless its files can
# be read and say nothing of keys: its own defaults hold then, and asking would cost more than all the rest.
# The sshd that let us in tells in its process title whether it was started with a file or options of its own.
_LOOK = r"""
tag=$1 user=${LOGNAME:-$(id -un)} rights= end="
"
say() { echo "pve-keys: $*"; }
root() {
  if [ -n "$rights" ]; then :
  elif [ "$user" = root ]; then rights=command
  elif sudo -n true >/dev/null 2>&1; then rights="sudo -n"
  else rights=no; fi
  [ "$rights" != no ] && $rights "$@"
}
say user "$user"; say home "$HOME"; [ ! -d /etc/pve ] || say node
usual="Include /etc/ssh/sshd_config.d/*.conf" names=".ssh/authorized_keys .ssh/authorized_keys2"
word="(authorizedkeys|trustedusercakeys|include)"
told=$(grep -Eihs "^[[:space:]]*\"?$word" /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf)
for file in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
  [ -r "$file" ] || [ "$file" = "/etc/ssh/sshd_config.d/*.conf" ] || told=unknown
done
set -f
pid=$$ own=
while read -r _ _ _ pid _ <"/proc/$pid/stat" && [ "${pid:-0}" -gt 0 ]; do
  read -r title <"/proc/$pid/cmdline"
  case $title in
  "sshd: "*" [listener]"*) own=${title#sshd: } own="${own%% \[listener\]*} "; own=${own#* }; break ;;
  esac
done 2>/dev/null
case " $own" in *" -f"* | *" -o"*) told=started ;; esac
if [ -z "$told" ] || [ "$told" = "$usual" ]; then
  say set authorizedkeysfile "$names"
else
  PATH=$PATH:/usr/sbin:/sbin client=${SSH_CONNECTION%% *} here=${SSH_CONNECTION#* * }
  client="user=$user,host=$client,addr=$client,laddr=${here% *},lport=${here#* }"
  root true >/dev/null 2>&1
  told=$end$(root sshd -T -C "$client" $own 2>/dev/null || sshd -G -C "$client" $own 2>/dev/null)$end
  for key in authorizedkeysfile authorizedkeyscommand trustedusercakeys; do
    value=${told#*"$end$key "}
    [ "$value" != "$told" ] || continue
    value=${value%%"$end"*}
    say set "$key" "$value"
    [ "$key" != authorizedkeysfile ] || names=$value
  done
fi
show() { if [ -r "$1" ]; then base64 "$1"; else root base64 "$1" 2>/dev/null | cat; fi; }
there() { [ -f "$1" ] || { [ ! -x "${1%/*}" ] && root test -f "$1" >/dev/null 2>&1; }; }
for name in $names; do
  [ "$name" != none ] || continue
  path= rest=$name
  while :; do
    case $rest in *%*) ;; *) path=$path$rest; break ;; esac
    path=$path${rest%%\%*} rest=${rest#*%}
    case $rest in
    h*) path=$path$HOME ;; u*) path=$path$user ;; U*) path=$path$(id -u) ;; %*) path=$path% ;;
    esac
    rest=${rest#?}
  done
  case $path in /*) ;; *) path=$HOME/$path ;; esac
  say file "$path"
  real=$path
  [ ! -L "$path" ] || real=$(readlink -f "$path") || continue
  say real "$real"
  there "$real" || continue
  if [ "$user" = root ] || { [ -w "${real%/*}" ] && [ -O "$real" ]; }; then say access own
  elif root sh -c : >/dev/null 2>&1; then say access sudo; fi
  say data; show "$real"
  backup=${real%/*}/.${real##*/}.bak-$tag
  there "$backup" || continue
  say backup; show "$backup"
done
say end
"""

# $1 path, $2 SHA-256 of the bytes that stand there (or -), $3 SHA-256 of those on standard input, $4 their
# number, $5 tag.
# Mode, owner and attributes are the old file's (`cp -a`). What was written is read back; the old file is
# linked beside itself, under a name that AuthorizedKeysFile cannot mean, unless it was before; then comes one
# rename. Two at once, of other operators or by another name of this host, take turns,
# where there is flock; nobody who holds the lock for long stands in the way back.
_REPLACE = r"""
umask 077; path=$1 folder=${1%/*} name=${1##*/}
new=$folder/.$name.new-$5 backup=$folder/.$name.bak-$5
stop() { rm -f "$new"; echo "pve-keys: $*"; exit 0; }
if [ -r "$folder" ] && command -v flock >/dev/null; then exec 9<"$folder" && flock -w 20 9; fi 2>/dev/null
cp -a "$path" "$new" 2>/dev/null || stop failed nothing can be written beside it
dd of="$new" bs=1 count="$4" conv=fsync 2>/dev/null || stop failed its new version could not be written
{ read -r was _; read -r is _; } <<END
$(sha256sum "$path" "$new")
END
[ -n "$was" ] && [ -n "$is" ] || stop failed the bytes that stand there could not be read back
[ "$2" = - ] || [ "$was" = "$2" ] || stop failed somebody else changed it meanwhile
[ "$is" = "$3" ] || stop failed its new version did not arrive whole
if [ "$LOGNAME" != root ]; then
  { read -r mode _ owner group _; read -r mode2 _ owner2 group2 _; } <<END
$(ls -ln "$path" "$new")
END
  [ "$mode $owner $group" = "$mode2 $owner2 $group2" ] || stop failed its mode and owner could not be kept
fi
[ -e "$backup" ] || ln "$path" "$backup" 2>/dev/null || cp -p "$path" "$backup" ||
  stop failed no backup could be made beside it
mv -f "$new" "$path" || stop failed it could not be replaced
if command -v restorecon >/dev/null 2>&1; then restorecon "$path"; fi
echo "pve-keys: done"
"""

SCRIPTS = {LOOK: _LOOK, REPLACE: _REPLACE}


def room(word: str) -> str:
    """The command line of a shell that takes requests; nobody could know the word before."""
    scripts = "".join(f"{name}={shlex.quote(text)}\n" for name, text in SCRIPTS.items())
    return shlex.join(["sh", "-c", 'eval "$(printf %b "$2")"', ROOM, word, _one_line(scripts + _ROOM)])


def request(word: str, script: str, *arguments: str, sudo: bool = False, stdin: bytes = b"") -> bytes:
    """What the shell is asked, with the script's input; whatever is left of that ends with the line."""
    line = shlex.join([script, "sudo" if sudo else "own", *arguments])
    return f"{word} {line}\n".encode() + stdin + b"\n"


def end(word: str) -> bytes:
    """The line that follows each answer of the shell."""
    return f"{MARK} over {word}\n".encode()


def alive(word: str) -> str:
    """A command line for any shell, whose answer holds the word in one piece."""
    return f"echo {MARK} alive {_parted(word)}"


def discard(paths: Sequence[str], tag: str, *, sudo: bool = False) -> str:
    """A command line that removes what a run left beside these files."""
    beside = [
        f"{folder}/.{name}.{kind}-{tag}" for folder, _, name in _split(paths) for kind in ("bak", "new")
    ]
    remove = shlex.join([*(["sudo", "-n"] if sudo else []), "rm", "-f", *beside])
    return f"{remove} && echo {MARK} {_parted('done')}"


def _split(paths: Sequence[str]) -> list[tuple[str, str, str]]:
    return [path.rpartition("/") for path in paths]


def _one_line(script: str) -> str:
    """For printf %b: nothing is left that some login shell does not keep within quotes, as csh a line end."""
    return "".join(f"\\0{ord(sign):03o}" if sign in "\n\\'!" else sign for sign in script)


def _parted(word: str) -> str:
    """The word in two pieces, which any shell puts together."""
    return f"{word[:2]}''{word[2:]}"
