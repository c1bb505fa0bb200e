# Runs the command lines of standard input, each for so many seconds at most, and says how each ended.
# It ends when its input does: whoever asks has gone.
while read -r seconds command; do
  timeout -s KILL "$seconds" sh -c "$command" </dev/null 2>&1
  printf '\n{"event": "result", "code": %s}\n' $?
done
