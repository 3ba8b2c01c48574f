# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# terminal.bash - somebody sits at a terminal: a shell in tmux, with keys and a screen
#
# The tmux is the scenario's own: its socket stands in $DIR, and terminal_stop ends it, however the
# scenario ends. A shell's prompt is "shell> ", which nothing else shows.

command -v tmux >/dev/null || skip "tmux is not installed"

terminals=

tm() {
	tmux -S "$DIR/tmux" -f /dev/null "$@"
}

# terminal NAME: a window of 100 columns and 40 lines with a shell in it
terminal() {
	local path=$BUILD:$PATH

	if [ -z "$terminals" ]; then
		# what clean_up does, and the terminals before it
		trap terminal_stop EXIT
	fi
	terminals=1
	tm new-session -d -s "$1" -x 100 -y 40 \
		"env PS1='shell> ' ENV= XPV_RUNDIR='$XPV_RUNDIR' PATH='$path' TERM=screen sh"
	eventually 10 screen_shows "$1" 'shell>'
}

terminal_stop() {
	local status=$?

	if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
		for name in $(tm list-sessions -F '#{session_name}' 2>/dev/null); do
			echo "--- terminal $name"
			tm capture-pane -p -t "$name" | sed '/^$/d'
		done
	fi
	tm kill-server 2>/dev/null || true
	set +e		# or the status that clean_up looks at would end us here
	(exit "$status")
	clean_up
}

# keys NAME KEY...: as tmux names them (Enter, C-c, C-]); anything else is text
keys() {
	local name=$1

	shift
	tm send-keys -t "$name" "$@"
}

screen() {
	tm capture-pane -p -t "$1"
}

# screen_shows NAME PATTERN; and as often as that.
screen_shows() {
	[ -n "$(screen "$1" | sed -n "/$2/p")" ]
}

screen_shows_times() {
	[ "$(screen "$1" | sed -n "/$2/p" | wc -l)" -eq "$3" ]
}

# The process that the shell runs in the foreground; empty if it waits for a command.
terminal_job() {
	pgrep -P "$(tm display-message -p -t "$1" '#{pane_pid}')" || true
}

# The terminal's own mode: "icanon" and "echo", or "-icanon" and "-echo".
terminal_mode() {
	stty -a -F "$(tm display-message -p -t "$1" '#{pane_tty}')" |
		grep -oE -- '-?(icanon|echo|isig)\>' | sort | tr '\n' ' '
}

is_raw() {
	[ "$(terminal_mode "$1")" = "-echo -icanon -isig " ]
}

is_cooked() {
	[ "$(terminal_mode "$1")" = "echo icanon isig " ]
}
