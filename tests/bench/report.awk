# SPDX-License-Identifier: MIT
#
# report.awk - from lines of NAME=VALUE (run.sh) to a table, and to what was reached of the goals
#
# The ratios are made within a round, then their median is taken; the spread is the least and the
# greatest of them. Rates, notifications and processor time are medians too, each for itself.

BEGIN {
	nr_cases = split("read-32-polling write-32-polling read-1-polling write-1-polling " \
			 "read-32-event write-32-event read-1-event write-1-event", cases, " ")
	# ratio, case, at least: now, and in the end
	goal("qsd", "read-32-polling", 1.5, 2.5)
	goal("qsd", "write-32-polling", 1.5, 2.5)
	goal("qsd", "read-32-event", 1.5, 2)
	goal("qsd", "write-32-event", 1.5, 2)
	goal("qsd", "read-1-polling", 0, 4)
	goal("qsd", "write-1-polling", 0, 4)
	goal("pread", "read-32-polling", 0, 0.85)
}

function goal(peer, name, now, later)
{
	nr_goals++
	goal_peer[nr_goals] = peer
	goal_case[nr_goals] = name
	goal_now[nr_goals] = now
	goal_later[nr_goals] = later
}

{
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		f[substr($i, 1, at - 1)] = substr($i, at + 1)
	}
	key = f["who"] " " f["rw"] "-" f["qd"] "-" f["mode"] " "
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

function ratio(name, peer,    i, a, b)
{
	a = "xpv " name " iops"
	b = peer " " name " iops"
	if (!((name, peer) in made)) {
		made[name, peer] = 1
		for (i = 1; i <= count[a]; i++)
			add(name "/" peer, series[a, i] / series[b, i])
	}
	return median(name "/" peer)
}

function ratio_text(name, peer,    m)
{
	m = ratio(name, peer)
	return sprintf("%5.2f (%.2f-%.2f)", m, low, high)
}

function words(name,    part)
{
	split(name, part, "-")
	return sprintf("rand%-5s QD%-2s %s", part[1], part[2], part[3])
}

function kiops(who, name)
{
	return median(who " " name " iops") / 1000
}

function verdict(have, want)
{
	return have >= want ? "met" : sprintf("short by %.0f %%", 100 * (1 - have / want))
}

# What other programs took of the busier processor: neither end of xpv sleeps while polling.
function taken(    c, key, least)
{
	least = 100
	for (c = 1; c <= 2; c++) {
		key = "xpv " cases[c] " "
		least = lesser(least, lesser(median(key "cpu"), median(key "peer_cpu")))
	}
	return 100 - least
}

function lesser(a, b)
{
	return a < b ? a : b
}

END {
	printf "\n%-22s %21s   %-18s %-18s\n", "", "kIOPS", "xpv/qsd", "xpv/pread"
	printf "%-22s %7s%7s%7s   %-18s %-18s\n", "case", "xpv", "qsd", "pread",
	       "median (range)", "median (range)"
	for (c = 1; c <= nr_cases; c++) {
		name = cases[c]
		printf "%-22s %7.0f%7.0f%7.0f   %-18s %s\n", words(name), kiops("xpv", name),
		       kiops("qsd", name), kiops("pread", name), ratio_text(name, "qsd"),
		       ratio_text(name, "pread")
	}

	printf "\n%-22s %-31s %-31s\n", "", "notifications an I/O", "% of a processor"
	printf "%-22s %-15s %-15s %-15s %-15s\n", "client: sent, received", "xpv", "qsd", "xpv",
	       "qsd"
	for (c = 1; c <= nr_cases; c++) {
		name = cases[c]
		printf "%-22s", words(name)
		for (i = 1; i <= 2; i++) {
			key = (i == 1 ? "xpv " : "qsd ") name " "
			printf " %6.4f %6.4f  ", median(key "sent"), median(key "received")
		}
		for (i = 1; i <= 2; i++) {
			key = (i == 1 ? "xpv " : "qsd ") name " "
			printf " %3.0f + %3.0f      ", median(key "cpu"), median(key "peer_cpu")
		}
		printf "\n"
	}
	print "(processor: client + backend)"
	if (taken() > 10)
		printf "note: other programs took %.0f %% of a processor; that is unequally hard on " \
		       "the contestants,\nso measure again on a quiet machine before you believe " \
		       "a ratio\n", taken()
	print ""

	for (g = 1; g <= nr_goals; g++) {
		have = ratio(goal_case[g], goal_peer[g])
		printf "%s xpv/%-5s %5.2f:", words(goal_case[g]), goal_peer[g], have
		if (goal_now[g])
			printf " goal %.2f %s;", goal_now[g], verdict(have, goal_now[g])
		printf " in the end %.2f %s\n", goal_later[g], verdict(have, goal_later[g])
	}
	for (c = 1; c <= 2; c++) {
		key = "xpv " cases[c] " "
		have = median(key "sent") + median(key "received")
		printf "%s notifications an I/O %.4f: in the end 0.0100 %s\n", words(cases[c]), have,
		       have <= 0.01 ? "met" : "exceeded"
	}
}
