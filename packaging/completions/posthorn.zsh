#compdef posthorn
# zsh completion for posthorn, made by "posthorn help --completion zsh"
_posthorn() {
  local -a commands
  local context=${words[2]}
  commands=(
    'serve:the mail server, in the foreground'
    'queue:what waits in the running server, and what is to become of it'
    'explain:what would happen, or happened, to mail for an address or to a message'
    'send:sends one file as a mail to one server, and tries again when it is refused for the moment'
    'probe:tells whether a mail server works, step by step'
    'check:whether the configuration is good\: names each fault'
    'user:adds, removes and lists local users'
    'spool:checks and shows the spool of a stopped server'
    'sendmail:hands in a message from standard input, as other software calls it'
    'mailq:what waits in the running server'
    'newaliases:checks the aliases file'
    'bench:a load generator and a server that takes everything, to measure with'
    'sim:the whole server in a simulated world, one run per seed'
    'help:this list, the help of a command, or the settings (posthorn help settings)'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $context in
    serve)
      _arguments '--help[this text]' \
      '-c[configuration file (else $POSTHORN_CONFIG, else the usual place)]:file:_files' \
      '--config[configuration file (else $POSTHORN_CONFIG, else the usual place)]:file:_files' \
      '-R[folder of all mailboxes]:file:_files' \
      '--mail-root[folder of all mailboxes]:file:_files' \
      '-s[a domain whose mail is ours; may be repeated]:value: ' \
      '--domain[a domain whose mail is ours; may be repeated]:value: ' \
      '-i[listen on this network interface only]:value: ' \
      '--interface[listen on this network interface only]:value: ' \
      '-p[listen on this port only]:value: ' \
      '--port[listen on this port only]:value: ' \
      '-l[listen on loopback only]' \
      '--loopback[listen on loopback only]' \
      '-j[log file; default\: standard error]:file:_files' \
      '--log[log file; default\: standard error]:file:_files' \
      '-n[error, warning, info or debug]:value: ' \
      '--log-level[error, warning, info or debug]:value: ' \
      '-D[log level debug]' \
      '--debug[log level debug]' \
      '-u[file of the local users]:file:_files' \
      '--users[file of the local users]:file:_files' \
      '--adopt-spool[take over a spool that another machine wrote\: mail that it sent since may be sent again]' '*:file:_files' ;;
    queue)
      local -a below
      below=( 'list:what waits, in order of arrival' 'show:messages with their history and the dialogues of failed attempts' 'import-folder:sends what lies in hand-over folders (other_servers = "files")' 'hold:keeps messages back until they are released' 'release:lets held messages go on; they are tried now' 'retry:tries messages now, also where the destination is backing off' 'remove:removes messages; nobody is told' 'expire:ends the time of messages now; their senders are told')
      if (( CURRENT == 3 )); then _describe command below; fi
      _arguments '--help[this text]' \
      '-c[the configuration file, which names the server'\''s socket]:file:_files' \
      '--config[the configuration file, which names the server'\''s socket]:file:_files' \
      '--socket[the server'\''s control socket]:file:_files' \
      '--json[print what the server answers, as JSON]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' \
      '--all[all that waits, as without a filter]' \
      '--status[queued or held]:value: ' \
      '--server[host\:port that takes the letters; else the server of the configuration]:value: ' \
      '--every[go on, and look again after so many seconds]:value: ' \
      '--all[all that waits]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' \
      '--all[all that waits]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' \
      '--all[all that waits]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' \
      '--all[all that waits]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' \
      '--all[all that waits]' \
      '--sender[of this sender\: an address, @domain, or <> for reports]:value: ' \
      '--recipient[for this recipient\: an address, or @domain]:value: ' \
      '--domain[for recipients in this domain]:value: ' '*:file:_files' ;;
    explain)
      _arguments '--help[this text]' \
      '-c[the configuration file]:file:_files' \
      '--config[the configuration file]:file:_files' \
      '--socket[the server'\''s control socket]:file:_files' \
      '--json[print it as JSON]' '*:file:_files' ;;
    send)
      _arguments '--help[this text]' \
      '--to[one more recipient; may be repeated]:value: ' \
      '--attach[a file to attach; may be repeated]:file:_files' \
      '--body-as-is[FILE is a complete message with its header\: only line ends are set right]' \
      '--via-queue[hand the mail to the queue of the server on this machine, which finds the way\: SERVER may be -]' \
      '--tls[none, starttls (where it is offered), require (STARTTLS or nothing), implicit (from the first byte)]:value: ' \
      '--verify[the certificate must prove the server'\''s name]' \
      '--ehlo[the name to greet with; default\: this machine'\''s]:value: ' \
      '-4[IPv4 only]' \
      '-6[IPv6 only]' \
      '--user[log in as this user]:value: ' \
      '--password-file[file whose first line is the password]:file:_files' \
      '--timeout[limit of each wait; default\: those of RFC 5321, some minutes]:value: ' \
      '-q[no dialogue; errors only]' \
      '--quiet[no dialogue; errors only]' \
      '--retry-after[wait before another attempt; default\: the time that the server names, else 20m]:value: ' \
      '--expire[how long to go on trying]:value: ' \
      '--foreground[wait for the outcome instead of going to the background]' \
      '--list[show what waits in the background, and end]' \
      '--json[with --list\: as JSON]' \
      '--cancel[end the background process of this entry and forget its mail]:value: ' \
      '--resume[start a background process for each entry that has none]' \
      '-c[configuration file of the server on this machine (else $POSTHORN_CONFIG, else the usual place)]:file:_files' \
      '--config[configuration file of the server on this machine (else $POSTHORN_CONFIG, else the usual place)]:file:_files' '*:file:_files' ;;
    probe)
      _arguments '--help[this text]' \
      '--mx[try every mail host of this domain instead of HOST]:value: ' \
      '-p[the port; default 25, with --tls implicit 465]:value: ' \
      '--port[the port; default 25, with --tls implicit 465]:value: ' \
      '--timeout[limit of each wait]:value: ' \
      '--tls[none, starttls (where it is offered), require (STARTTLS or nothing), implicit (from the first byte)]:value: ' \
      '--verify[the certificate must prove the server'\''s name]' \
      '--ehlo[the name to greet with; default\: this machine'\''s]:value: ' \
      '-4[IPv4 only]' \
      '-6[IPv6 only]' \
      '--no-send[stop before DATA\: RSET, and no mail]' \
      '--helo[greet with HELO at once, without extensions]' \
      '--commands[ask afterwards for what no mail needs, too\: HELP, NOOP, VRFY, EXPN, SEND, SOML, SAML, TURN]' \
      '--json[print what was found as JSON instead]' \
      '--monitor[print one line for Nagios and its kin instead, with performance data]' \
      '--warning[with --monitor\: WARNING when all steps together take so long]:value: ' \
      '--critical[with --monitor\: CRITICAL when they take so long]:value: ' \
      '--certificate[with --monitor\: WARNING when the certificate ends sooner]:file:_files' \
      '-c[configuration file, for the DNS servers that --mx asks (else $POSTHORN_CONFIG, else the usual place)]:file:_files' \
      '--config[configuration file, for the DNS servers that --mx asks (else $POSTHORN_CONFIG, else the usual place)]:file:_files' \
      '--codes[print which reply codes mean what for each command, and end]' '*:file:_files' ;;
    check)
      _arguments '--help[this text]' \
      '-c[the configuration file]:file:_files' \
      '--config[the configuration file]:file:_files' \
      '--json[print the findings as JSON]' \
      '--dns[judge what DNS says of this domain instead]:value: ' \
      '--selector[with --dns\: judge the DKIM key of this selector (may be repeated)]:value: ' '*:file:_files' ;;
    user)
      local -a below
      below=( 'add:adds users' 'passwd:sets the password of users, asked for at the terminal or read from standard input' 'remove:removes users; their mail stays' 'list:lists the users')
      if (( CURRENT == 3 )); then _describe command below; fi
      _arguments '--help[this text]' \
      '-c[the configuration file]:file:_files' \
      '--config[the configuration file]:file:_files' \
      '--password[ask for a password, which the users get; without, they have none and cannot log in]' \
      '--password-file[take the password from the first line of this file; -\: standard input]:file:_files' \
      '--scheme[what is stored\: scram-sha-256 (serves every mechanism), argon2id or yescrypt (PLAIN and LOGIN only)]:value: ' \
      '--password-file[take the password from the first line of this file; -\: standard input]:file:_files' \
      '--scheme[what is stored\: scram-sha-256 (serves every mechanism), argon2id or yescrypt (PLAIN and LOGIN only)]:value: ' \
      '--json[print an array with name, domain, password scheme and line]' '*:file:_files' ;;
    spool)
      local -a below
      below=( 'verify:reads every octet; ends with 65 and names each place if one is damaged' 'dump:shows each message that waits\: envelope, size, recipients')
      if (( CURRENT == 3 )); then _describe command below; fi
      _arguments '--help[this text]' \
      '-c[the configuration file, whose `state` is looked at]:file:_files' \
      '--config[the configuration file, whose `state` is looked at]:file:_files' \
      '--state[the state folder, instead of the one of the configuration]:value: ' \
      '--json[print JSON]' '*:file:_files' ;;
    sendmail)
      _arguments '--help[this text]' \
      '-t[the recipients are those of the message'\''s To, Cc and Bcc, besides those named as words; Bcc is removed]' \
      '-i[a line with a dot alone does not end the message (also -oi)]' \
      '-f[the envelope sender, whom reports go to; <> for none (also -r)]:value: ' \
      '-F[the sender'\''s full name, for a From field that is missing]:value: ' \
      '-N[which reports are wanted\: never, or a list of success, failure, delay]:value: ' \
      '-R[what a report gives back of the message\: hdrs, or full (what is larger than 1 MiB\: its header)]:value: ' \
      '-V[an envelope id, which reports repeat]:value: ' \
      '-bm[read a message from standard input and hand it in\: the usual way]' \
      '-bs[speak SMTP on standard input and output]' \
      '-bp[list the queue, as mailq does]' \
      '-bi[check the aliases, as newaliases does]' \
      '-q[try everything that waits in the queue now]' \
      '-v[say what is done]' \
      '-C[the configuration file (also -c)]:file:_files' '*:file:_files' ;;
    mailq)
      _arguments '--help[this text]' \
      '-c[the configuration file]:file:_files' \
      '--config[the configuration file]:file:_files' \
      '-v[as sendmail has it; changes nothing]' \
      '--json[print a JSON array]' '*:file:_files' ;;
    newaliases)
      _arguments '--help[this text]' \
      '-c[the configuration file]:file:_files' \
      '--config[the configuration file]:file:_files' '*:file:_files' ;;
    bench)
      local -a below
      below=( 'source:sends messages and measures how they are taken' 'sink:takes messages, counts them and throws them away')
      if (( CURRENT == 3 )); then _describe command below; fi
      _arguments '--help[this text]' \
      '--connections[at once]:value: ' \
      '--messages[in all; 0\: until --time is over]:value: ' \
      '--per-connection[messages before a new connection is made; 0\: all on one]:value: ' \
      '--size[of a message'\''s text, or a range such as 1KiB-64KiB]:value: ' \
      '--recipients[of each message]:value: ' \
      '--time[begin nothing new after this, such as 30s]:value: ' \
      '--rate[messages a second at most; 0\: as many as go]:value: ' \
      '--pipelining[MAIL, RCPT and DATA in one piece with the text before, even where it is not offered]' \
      '--no-pipelining[wait for each reply, even where pipelining is offered]' \
      '--tls[none, starttls (where it is offered), require, implicit]:value: ' \
      '--from[the sender; % becomes the message'\''s number]:value: ' \
      '--to[the recipient; % becomes the recipient'\''s number]:value: ' \
      '--ehlo[the name to greet with; default\: this machine'\''s]:value: ' \
      '--helo[greet with HELO]' \
      '--timeout[limit of each wait]:value: ' \
      '--threads[that share the connections]:value: ' \
      '--json[print the report as JSON]' \
      '--greylist[tell each new client, sender and recipient to come back after this]:value: ' \
      '--refuse[STAGE\:CODE\[\:PERCENT\], as rcpt\:450\:10; may be repeated]:value: ' \
      '--delay[STAGE\:TIME\[\:PERCENT\], as dot\:2s; may be repeated]:value: ' \
      '--drop[STAGE\[\:PERCENT\]\: close the connection instead of the reply; may be repeated]:value: ' \
      '--tls[none, starttls (offered), implicit]:value: ' \
      '--certificate[to show, PEM; default\: one that is made for this run]:file:_files' \
      '--key[its private key, PEM; default\: in the certificate'\''s file]:file:_files' \
      '--hostname[to greet with]:value: ' \
      '--size-limit[announce this by SIZE]:value: ' \
      '--no-pipelining[do not offer PIPELINING]' \
      '--timeout[a client that is silent for so long is left]:value: ' \
      '--messages[end when so many have come]:value: ' \
      '--threads[that share the port]:value: ' \
      '--json[print the totals as JSON]' '*:file:_files' ;;
    sim)
      _arguments '--help[this text]' \
      '--seed[one run]:value: ' \
      '--seeds[runs from A to B\: A-B]:value: ' \
      '--verbose[show what happens in the run]' \
      '--trace[show what happens in the run]' \
      '--exhaustive[every place to cut the power in each history of so many letters]:value: ' \
      '--outcomes[with --exhaustive\: how many to look at after one cut]:value: ' \
      '--share[with --exhaustive\: the K-th of N shares of what cuts leave\: K-N]:value: ' \
      '--stop-at-failure[end with the first run that fails]' '*:file:_files' ;;
    help)
      _arguments '--help[this text]' \
      '--man[print the manual page of a command, of posthorn, or of the settings]:value: ' \
      '--completion[print the completion for bash, zsh or fish]:value: ' '*:file:_files' ;;
  esac
}
_posthorn "$@"
