#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_input.sh - mistakes in configurations and with the simulator's own verbs
#
# As bad_input.sh: each is answered by one line, and changes nothing.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk

truncate -s 1M "$DIR/good.img" "$DIR/other.img"

# Without a simulator, and without Xen.
if [ ! -e /proc/xen/capabilities ]; then
	spec=format=raw,vdev=xvda,target=$DIR/good.img
	refuses 1 "xpv sim start" xpv block-attach g "$spec"
	refuses 1 "xpv sim start" xpv block-list g
	refuses 1 "xpv sim start" xpv block-detach g xvda
	refuses 1 "xpv sim start" xpv list
	refuses 1 "xpv sim start" xpv destroy g
	refuses 1 "xpv sim start" xpv stats
	echo 'name="g"' >"$DIR/g.cfg"
	refuses 1 "xpv sim start" xpv create "$DIR/g.cfg"
fi

sim_start
guest g
guest h
works xpv block-attach g "vdev=xvda,target=$DIR/good.img"
before=$(store)

# Configurations.
config() {
	cat >"$DIR/c.cfg"
	xpv create "$DIR/c.cfg"
}
refuses 1 "c.cfg:3: config parsing error" config <<-END
	name="c"
	memory=64
	disk=[ "x" "y" ]
END
refuses 1 "has this name already" config <<-END
	name="g"
END
refuses 1 "no name" config <<-END
	memory=64
END
refuses 1 "begins with '-'" config <<-END
	name="-k"
END
refuses 1 "kernel" config <<-END
	name="c"
	kernel="$DIR/none"
END
refuses 1 "no such file" config <<-END
	name="c"
	disk=[ "vdev=xvda,target=$DIR/none.img" ]
END
refuses 1 "in use by disk" config <<-END
	name="c"
	disk=[ "vdev=xvda,target=$DIR/other.img", "vdev=xvdb,target=$DIR/good.img" ]
END
refuses 1 "No such file" xpv create "$DIR/none.cfg"
refuses 1 "no output to show" xpv create -c "$DIR/g.cfg" 'name="c"'
refuses 2 "KEY=VALUE" xpv create "$DIR/g.cfg" nonsense

# Programs that cannot be run, in domain 0 and in a guest, have the status that env(1) gives them.
for where in "" "--dom g"; do
	# shellcheck disable=SC2086 # two words
	refuses 127 "cannot run nosuchcmd" xpv sim run $where -- nosuchcmd
	# shellcheck disable=SC2086
	refuses 126 "cannot run $DIR/good.img" xpv sim run $where -- "$DIR/good.img"
done

is "the store after all of this" "$(store)" "$before"

# Output that is lost is a failure.
full() {
	"$@" >/dev/full
}
for verb in "sim status" "sim status --json" "sim start" "destroy --json h"; do
	# shellcheck disable=SC2086
	refuses 1 "cannot write the output" full xpv $verb
done
passed
