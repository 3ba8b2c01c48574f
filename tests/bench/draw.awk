# SPDX-License-Identifier: MIT
#
# draw.awk - the ratios of `make bench` as an SVG; after ratio.awk
#
# A bar for each pair and case that has a goal, on a logarithmic axis: 1 is as fast as the peer, the
# thin line is the spread over the rounds, the mark across is the goal.

function x_of(value)
{
	value = value < LEAST ? LEAST : value > MOST ? MOST : value
	return LEFT + WIDTH * log(value / LEAST) / log(MOST / LEAST)
}

function label(x, y, anchor, text)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text
}

function line(x1, y1, x2, y2, colour, thickness)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" " \
	       "stroke-width=\"%s\"/>\n", x1, y1, x2, y2, colour, thickness
}

function axis(bottom,    i, n, tick)
{
	n = split("0.25 0.5 1 2 4 8 16", tick, " ")
	for (i = 1; i <= n; i++) {
		line(x_of(tick[i]), TOP - 6, x_of(tick[i]), bottom, tick[i] == 1 ? "#444" : "#ccc", 1)
		label(x_of(tick[i]), TOP - 10, "middle", tick[i] "x")
	}
}

function bar(y, g,    have, want, part, from, to, colour)
{
	have = ratio(goal_who[g], goal_case[g], goal_peer[g])
	want = goal_least[g]
	split(goal_case[g], part, "-")
	label(LEFT - 8, y + 11, "end", part[1] " " part[2] ", " part[3] " deep, " part[4] " / " PEER[goal_peer[g]])
	from = x_of(have < 1 ? have : 1)
	to = x_of(have < 1 ? 1 : have)
	colour = have >= want ? "#4a7fb5" : "#c0793a"
	printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" fill=\"%s\"/>\n",
	       from, y, to - from, colour
	line(x_of(low), y + 6, x_of(high), y + 6, "#222", 1)
	line(x_of(want), y - 2, x_of(want), y + 14, "#111", 2)
	label(LEFT + WIDTH + 8, y + 11, "start", sprintf("%.2f", have))
}

END {
	LEFT = 350; TOP = 46; WIDTH = 420; STEP = 22; LEAST = 0.25; MOST = 16
	PEER["qsd"] = "qemu-storage-daemon"
	PEER["pread"] = "pread"
	PEER["dpdk"] = "DPDK vhost_blk"
	for (g = 1; g <= nr_goals; g++)
		rows += (goal_peer[g] " " goal_case[g] " iops") in count
	bottom = TOP + rows * STEP
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" " \
	       "font-family=\"sans-serif\" font-size=\"12\">\n", LEFT + WIDTH + 60, bottom + 12
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
	label(LEFT, 18, "start", "xpv / peer, random I/O: bar median, line spread, mark goal")
	axis(bottom)
	y = TOP + 4
	for (g = 1; g <= nr_goals; g++) {
		if (!((goal_peer[g] " " goal_case[g] " iops") in count))
			continue
		bar(y, g)
		y += STEP
	}
	print "</svg>"
}
