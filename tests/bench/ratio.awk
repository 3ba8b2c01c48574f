# SPDX-License-Identifier: MIT
#
# ratio.awk - from lines of NAME=VALUE (run.sh) to medians and ratios, for report.awk and draw.awk
#
# The ratios are made within a round, then their median is taken; the spread is the least and the
# greatest of them. Rates, notifications and processor time are medians too, each for itself. The
# goals stand here: who, beside whom, in which case, at least.

BEGIN {
	# rw-size-depth-mode; the first four are DPDK's too
	nr_cases = split("read-4k-32-polling write-4k-32-polling read-4k-1-polling " \
			 "write-4k-1-polling read-128k-8-polling write-128k-8-polling " \
			 "read-4k-32-event write-4k-32-event read-4k-1-event write-4k-1-event",
			 cases, " ")
	goal("xpv", "qsd", "read-4k-32-polling", 2.5)
	goal("xpv", "qsd", "write-4k-32-polling", 2.5)
	goal("xpv", "qsd", "read-4k-1-polling", 4)
	goal("xpv", "qsd", "write-4k-1-polling", 4)
	goal("xpv", "qsd", "read-128k-8-polling", 1.8)
	goal("xpv", "qsd", "read-4k-32-event", 2)
	goal("xpv", "qsd", "write-4k-32-event", 2)
	goal("xpv", "pread", "read-4k-32-polling", 0.85)
	goal("xpv_ram", "dpdk", "read-4k-32-polling", 1.2)
	goal("xpv_ram", "dpdk", "write-4k-32-polling", 1.2)
	goal("xpv_ram", "dpdk", "read-4k-1-polling", 1)
	goal("xpv_ram", "dpdk", "write-4k-1-polling", 1)
}

function goal(who, peer, name, least)
{
	nr_goals++
	goal_who[nr_goals] = who
	goal_peer[nr_goals] = peer
	goal_case[nr_goals] = name
	goal_least[nr_goals] = least
}

{
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		f[substr($i, 1, at - 1)] = substr($i, at + 1)
	}
	key = f["who"] " " f["rw"] "-" f["bs"] "-" f["qd"] "-" f["mode"] " "
	add(key "iops", f["iops"])
	add(key "sent", f["sent"])
	add(key "received", f["received"])
	add(key "cpu", 100 * f["cpu"] / f["seconds"])
	add(key "peer_cpu", 100 * f["peer_cpu"] / f["seconds"])
}

function add(key, value)
{
	series[key, ++count[key]] = value + 0
}

# Leaves low and high behind.
function median(key,    n, i, j, v, sorted)
{
	n = count[key]
	if (!n)
		return 0
	for (i = 1; i <= n; i++) {
		v = series[key, i]
		for (j = i; j > 1 && sorted[j - 1] > v; j--)
			sorted[j] = sorted[j - 1]
		sorted[j] = v
	}
	low = sorted[1]
	high = sorted[n]
	return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function ratio(who, name, peer,    i, a, b)
{
	a = who " " name " iops"
	b = peer " " name " iops"
	if (!((name, peer) in made)) {
		made[name, peer] = 1
		for (i = 1; i <= count[a]; i++)
			add(name "/" peer, series[a, i] / series[b, i])
	}
	return median(name "/" peer)
}
