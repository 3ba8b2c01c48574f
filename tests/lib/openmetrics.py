#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""openmetrics.py - reads OpenMetrics 1.0 text, of standard input or files, and insists on its rules

Prints how many samples there were; on the first offence the line and what is wrong with it, and
ends with status 1. Strict where a scraper may be lenient: only what xpv prints is known.
"""
import re
import sys

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)\Z")
SUFFIXES = {
    "counter": ["_total"],
    "gauge": [""],
    "stateset": [""],
    "histogram": ["_bucket", "_sum", "_count"],
}


def need(condition, what):
    if not condition:
        raise ValueError(what)


def labels_of(text):
    """The labels between the braces, in their order; every byte must belong to one."""
    labels, at = {}, 1
    if text is None:
        return labels
    while text[at] != "}" or at != len(text) - 1:
        match = LABEL.match(text, at)
        need(match, "malformed labels")
        need(match[1] not in labels, f"label {match[1]} twice")
        labels[match[1]] = match[2]
        at = match.end()
        if text[at] == ",":
            at += 1
            need(text[at] != "}", "a comma without a label")
        else:
            need(text[at:] == "}", "labels that do not end")
    return labels


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help = name, None, None, None
        self.seen = set()       # suffix and labels
        self.series = {}        # of histograms: labels without le -> what is there of it
        self.last = None        # the metric that the last sample was of
        self.over = set()       # metrics that others have followed

    def metadata(self, what, text):
        need(not self.seen, "metadata behind samples")
        need(getattr(self, what) is None, f"a second {what}")
        if what == "type":
            need(text in SUFFIXES, f"type {text}")
        if what == "unit":
            need(self.name.endswith("_" + text), f"the name does not end in _{text}")
        setattr(self, what, text)

    def sample(self, name, labels, number):
        need(self.type, "samples of no type")
        need(self.help, "samples without help")
        suffix = name[len(self.name):]
        need(suffix in SUFFIXES[self.type], f"suffix {suffix} of a {self.type}")
        key = (suffix, tuple(sorted(labels.items())))
        need(key not in self.seen, "the same sample twice")
        self.seen.add(key)
        metric = tuple(sorted((k, v) for k, v in labels.items() if k not in ("le", self.name)))
        if metric != self.last:
            need(metric not in self.over, "a metric's samples are not together")
            self.over.add(self.last)
            self.last = metric
        value = float(number)
        if self.type in ("counter", "histogram"):
            need(value >= 0, "a negative counter")
        if self.type == "stateset":
            need(self.name in labels, "a state without its label")
            need(number in ("0", "1"), "a state is 0 or 1")
        if self.type == "histogram":
            self.bucket(metric, suffix, labels, number)
        else:
            need("le" not in labels, "le outside a histogram")

    def bucket(self, metric, suffix, labels, number):
        s = self.series.setdefault(metric, {"le": float("-inf"), "count": 0, "done": set()})
        need(suffix not in s["done"], f"a second {suffix}")
        if suffix != "_bucket":
            s["done"].add(suffix)
            s[suffix] = number
            return
        need("le" in labels and NUMBER.match(labels["le"]), "a bucket without le")
        need(labels["le"] == "+Inf" or "." in labels["le"], "le is no canonical number")
        need(number.isdigit(), "a bucket's count is no integer")
        need(float(labels["le"]) > s["le"], "buckets do not ascend")
        need(int(number) >= s["count"], "cumulative counts fall")
        s["le"], s["count"] = float(labels["le"]), int(number)

    def end(self):
        for metric, s in self.series.items():
            need(s["le"] == float("inf"), f"{metric}: no bucket +Inf")
            need(s["done"] == {"_sum", "_count"}, f"{metric}: no _sum or no _count")
            need(int(s["_count"]) == s["count"], f"{metric}: _count is not that of +Inf")
        if self.type == "stateset":
            sums = {}
            for _, labels in self.seen:
                metric = tuple(kv for kv in labels if kv[0] != self.name)
                sums[metric] = sums.get(metric, 0) + 1
            need(len(set(sums.values())) <= 1, "not all states of each")


def check(text):
    families, family, samples, ended = set(), None, 0, False
    need(text.endswith("\n"), "the last line does not end")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        try:
            need(not ended, "something behind # EOF")
            if line == "# EOF":
                ended = True
            elif line.startswith("#"):
                words = line.split(" ", 3)
                need(len(words) == 4 and words[0] == "#", "malformed metadata")
                need(words[1] in ("TYPE", "UNIT", "HELP"), f"metadata {words[1]}")
                need(NAME.match(words[2]), f"name {words[2]}")
                if family is None or family.name != words[2]:
                    need(words[2] not in families, "a family in two places")
                    families.add(words[2])
                    if family:
                        family.end()
                    family = Family(words[2])
                family.metadata(words[1].lower(), words[3])
            else:
                match = SAMPLE.match(line)
                need(match, "not a sample")
                need(NUMBER.match(match[3]), f"value {match[3]}")
                need(family and match[1].startswith(family.name), "a sample of no family")
                family.sample(match[1], labels_of(match[2]), match[3])
                samples += 1
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number}: {error}: {line}") from None
    need(ended, "no # EOF")
    if family:
        family.end()
    return samples


def main():
    total = 0
    for path in sys.argv[1:] or ["/dev/stdin"]:
        try:
            with open(path, "rb") as file:
                total += check(file.read().decode("utf-8"))
        except (ValueError, UnicodeDecodeError) as error:
            sys.exit(f"openmetrics: {path}: {error}")
    print(total)


if __name__ == "__main__":
    main()
