"""All that is ever run on a guest: four scripts for a POSIX shell and coreutils (or busybox).

Each is sent as `sh -c SCRIPT NAME ARGUMENT…`, where needed with `sudo -n` before it, and answers with lines
that begin with MARK, so that a login's own chatter does no harm. Nothing else is sent over a guest's SSH.
"""

import shlex

MARK = "pve-keys:"

ALIVE = "pve-keys-alive"
LOOK = "pve-keys-look"
REPLACE = "pve-keys-replace"
DISCARD = "pve-keys-discard"

# $1 is a word of the caller's, given back: proof that a command ran, and which one.
_ALIVE = 'echo "pve-keys: alive $1"'

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
  elif sudo -n true 2>/dev/null; then rights="sudo -n"
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
  root true
  told=$end$(root sshd -T -C "$client" $own 2>/dev/null || sshd -G -C "$client" $own 2>/dev/null)$end
  for key in authorizedkeysfile authorizedkeyscommand trustedusercakeys; do
    value=${told#*"$end$key "}
    [ "$value" != "$told" ] || continue
    value=${value%%"$end"*}
    say set "$key" "$value"
    [ "$key" != authorizedkeysfile ] || names=$value
  done
fi
show() { if [ -r "$1" ]; then base64 "$1"; else root base64 "$1"; fi; }
there() { [ -f "$1" ] || { [ ! -x "${1%/*}" ] && root test -f "$1"; }; }
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
  elif root true; then say access sudo; fi
  say data; show "$real"
  backup=${real%/*}/.${real##*/}.bak-$tag
  there "$backup" || continue
  say backup; show "$backup"
done
say end
"""

# $1 path, $2 SHA-256 of the bytes that stand there (or -), $3 SHA-256 of those on standard input, $4 tag.
# Mode, owner and attributes are the old file's (`cp -a`). What was written is read back; the old file is
# linked beside itself, under a name that AuthorizedKeysFile cannot mean, unless it was before; then comes one
# rename. Two at once, of other operators or by another name of this host, take turns,
# where there is flock; nobody who holds the lock for long stands in the way back.
_REPLACE = r"""
umask 077; path=$1 folder=${1%/*} name=${1##*/}
new=$folder/.$name.new-$4 backup=$folder/.$name.bak-$4
stop() { rm -f "$new"; echo "pve-keys: $*"; exit 0; }
if [ -r "$folder" ] && command -v flock >/dev/null; then exec 9<"$folder" && flock -w 20 9; fi 2>/dev/null
cp -a "$path" "$new" 2>/dev/null || stop failed nothing can be written beside it
dd of="$new" conv=fsync 2>/dev/null || stop failed its new version could not be written
{ read -r was _; read -r is _; } <<END
$(sha256sum "$path" "$new")
END
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

# $1 tag, then paths: removes what a run left beside these files.
_DISCARD = r"""
tag=$1; shift
for path; do
  folder=${path%/*} name=${path##*/}
  set -- "$@" "$folder/.$name.bak-$tag" "$folder/.$name.new-$tag"; shift
done
rm -f "$@" && echo "pve-keys: done"
"""

SCRIPTS = {ALIVE: _ALIVE, LOOK: _LOOK, REPLACE: _REPLACE, DISCARD: _DISCARD}


def command(name: str, *arguments: str, sudo: bool = False) -> str:
    """The command line of one of the scripts."""
    words = ["sh", "-c", SCRIPTS[name], name, *arguments]
    return shlex.join([*(["sudo", "-n"] if sudo else []), *words])
