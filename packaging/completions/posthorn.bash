# bash completion for posthorn, made by "posthorn help --completion bash"
_posthorn() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} context= word words place
  for ((place = 1; place < COMP_CWORD; place++)); do
    word=${COMP_WORDS[place]}
    case "$context $word" in
      " serve") context="serve" ;;
      " queue") context="queue" ;;
      "queue list") context="queue list" ;;
      "queue show") context="queue show" ;;
      "queue import-folder") context="queue import-folder" ;;
      "queue hold") context="queue hold" ;;
      "queue release") context="queue release" ;;
      "queue retry") context="queue retry" ;;
      "queue remove") context="queue remove" ;;
      "queue expire") context="queue expire" ;;
      " explain") context="explain" ;;
      " send") context="send" ;;
      " probe") context="probe" ;;
      " check") context="check" ;;
      " user") context="user" ;;
      "user add") context="user add" ;;
      "user passwd") context="user passwd" ;;
      "user remove") context="user remove" ;;
      "user list") context="user list" ;;
      " spool") context="spool" ;;
      "spool verify") context="spool verify" ;;
      "spool dump") context="spool dump" ;;
      " sendmail") context="sendmail" ;;
      " mailq") context="mailq" ;;
      " newaliases") context="newaliases" ;;
      " bench") context="bench" ;;
      "bench source") context="bench source" ;;
      "bench sink") context="bench sink" ;;
      " sim") context="sim" ;;
      " help") context="help" ;;
    esac
  done
  case $before in
    --attach|--certificate|--config|--key|--log|--mail-root|--password-file|--socket|--users|-C|-R|-c|-j|-u) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --cancel|--completion|--connections|--critical|--delay|--dns|--domain|--drop|--ehlo|--every|--exhaustive|--expire|--from|--greylist|--hostname|--interface|--log-level|--man|--messages|--mx|--outcomes|--per-connection|--port|--rate|--recipient|--recipients|--refuse|--retry-after|--scheme|--seed|--seeds|--selector|--sender|--server|--share|--size|--size-limit|--state|--status|--threads|--time|--timeout|--tls|--to|--user|--warning|-F|-N|-R|-V|-f|-i|-n|-p|-s) COMPREPLY=(); return ;;
  esac
  case $context in
    "serve") words="--help -c --config -R --mail-root -s --domain -i --interface -p --port -l --loopback -j --log -n --log-level -D --debug -u --users --adopt-spool" ;;
    "queue") words="--help -c --config --socket --json list show import-folder hold release retry remove expire" ;;
    "queue list") words="--help --sender --recipient --domain --all --status" ;;
    "queue show") words="--help" ;;
    "queue import-folder") words="--help --server --every" ;;
    "queue hold") words="--help --all --sender --recipient --domain" ;;
    "queue release") words="--help --all --sender --recipient --domain" ;;
    "queue retry") words="--help --all --sender --recipient --domain" ;;
    "queue remove") words="--help --all --sender --recipient --domain" ;;
    "queue expire") words="--help --all --sender --recipient --domain" ;;
    "explain") words="--help -c --config --socket --json" ;;
    "send") words="--help --to --attach --body-as-is --via-queue --tls --verify --ehlo -4 -6 --user --password-file --timeout -q --quiet --retry-after --expire --foreground --list --json --cancel --resume -c --config" ;;
    "probe") words="--help --mx -p --port --timeout --tls --verify --ehlo -4 -6 --no-send --helo --commands --json --monitor --warning --critical --certificate -c --config --codes" ;;
    "check") words="--help -c --config --json --dns --selector" ;;
    "user") words="--help -c --config add passwd remove list" ;;
    "user add") words="--help --password --password-file --scheme" ;;
    "user passwd") words="--help --password-file --scheme" ;;
    "user remove") words="--help" ;;
    "user list") words="--help --json" ;;
    "spool") words="--help -c --config --state --json verify dump" ;;
    "spool verify") words="--help" ;;
    "spool dump") words="--help" ;;
    "sendmail") words="--help -t -i -f -F -N -R -V -bm -bs -bp -bi -q -v -C" ;;
    "mailq") words="--help -c --config -v --json" ;;
    "newaliases") words="--help -c --config" ;;
    "bench") words="--help source sink" ;;
    "bench source") words="--help --connections --messages --per-connection --size --recipients --time --rate --pipelining --no-pipelining --tls --from --to --ehlo --helo --timeout --threads --json" ;;
    "bench sink") words="--help --greylist --refuse --delay --drop --tls --certificate --key --hostname --size-limit --no-pipelining --timeout --messages --threads --json" ;;
    "sim") words="--help --seed --seeds --verbose --trace --exhaustive --outcomes --share --stop-at-failure" ;;
    "help") words="--help --man --completion" ;;
    *) words="--help --version serve queue explain send probe check user spool sendmail mailq newaliases bench sim help" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ $context && $current != -* && ! ${COMPREPLY[*]} ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _posthorn posthorn
