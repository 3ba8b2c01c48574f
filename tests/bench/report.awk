# SPDX-License-Identifier: MIT
#
# report.awk - the tables of `make bench`, and what was reached of the goals; after ratio.awk

function ratio_text(who, name, peer,    m)
{
	m = ratio(who, name, peer)
	return sprintf("%5.2f (%.2f-%.2f)", m, low, high)
}

function words(name,    part)
{
	split(name, part, "-")
	return sprintf("%-5s %4s QD%-2s %s", part[1], part[2], part[3], part[4])
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
	printf "\n%-24s %21s   %-18s %-18s\n", "", "kIOPS", "xpv/qsd", "xpv/pread"
	printf "%-24s %7s%7s%7s   %-18s %-18s\n", "case", "xpv", "qsd", "pread",
	       "median (range)", "median (range)"
	for (c = 1; c <= nr_cases; c++) {
		name = cases[c]
		printf "%-24s %7.0f%7.0f%7.0f   %-18s %s\n", words(name), kiops("xpv", name),
		       kiops("qsd", name), kiops("pread", name), ratio_text("xpv", name, "qsd"),
		       ratio_text("xpv", name, "pread")
	}

	if (("dpdk " cases[1] " iops") in count) {
		printf "\n%-24s %14s   %-18s\n", "in memory", "kIOPS", "xpv/dpdk"
		printf "%-24s %7s%7s   %-18s\n", "case", "xpv", "dpdk", "median (range)"
		for (c = 1; c <= 4; c++)
			printf "%-24s %7.0f%7.0f   %s\n", words(cases[c]),
			       kiops("xpv_ram", cases[c]), kiops("dpdk", cases[c]),
			       ratio_text("xpv_ram", cases[c], "dpdk")
	}

	printf "\n%-24s %-31s %-31s\n", "", "notifications an I/O", "% of a processor"
	printf "%-24s %-15s %-15s %-15s %-15s\n", "client: sent, received", "xpv", "qsd", "xpv",
	       "qsd"
	for (c = 1; c <= nr_cases; c++) {
		name = cases[c]
		printf "%-24s", words(name)
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
		if (!((goal_peer[g] " " goal_case[g] " iops") in count))
			continue
		have = ratio(goal_who[g], goal_case[g], goal_peer[g])
		printf "%s %-12s %5.2f: goal %.2f %s\n", words(goal_case[g]),
		       goal_who[g] "/" goal_peer[g], have, goal_least[g],
		       verdict(have, goal_least[g])
	}
	for (c = 1; c <= 2; c++) {
		key = "xpv " cases[c] " "
		have = median(key "sent") + median(key "received")
		printf "%s notifications an I/O %.4f: goal 0.0100 %s\n", words(cases[c]), have,
		       have <= 0.01 ? "met" : "exceeded"
	}
}
