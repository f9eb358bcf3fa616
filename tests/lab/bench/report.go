package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// report prints what each operation cost, and how the cost per guest grows from the smallest stack
// of at least 10 guests to the largest.
func report(out io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("| guests | operation | wall s | CPU s: engine | provider | program | peak MiB: engine | provider | program | API requests per guest | SSH sessions per guest | state writes | state MiB |\n")
	b.WriteString("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range results {
		perGuest := func(n int) float64 { return float64(n) / float64(r.guests) }
		_, _ = fmt.Fprintf(&b, "| %d | %s | %.1f | %.1f | %.1f | %.1f | %d | %d | %d | %.1f | %.1f | %d | %.1f |\n",
			r.guests, r.operation, r.wall.Seconds(),
			r.engine.cpu.Seconds(), r.provider.cpu.Seconds(), r.program.cpu.Seconds(),
			mib(r.engine.peakBytes), mib(r.provider.peakBytes), mib(r.program.peakBytes),
			perGuest(r.requests), perGuest(r.sshSessions), r.stateVersions, float64(r.stateBytes)/(1<<20))
	}
	b.WriteString(growthTable(results))
	_, err := io.WriteString(out, b.String())
	return err
}

func mib(bytes int64) int64 { return bytes >> 20 }

// growth compares two stacks: 1 means that the cost grew with the number of guests, more that it
// grew faster, less that a part of it does not depend on the guests. It is 0 where there is no cost.
func growth(small, large result, cost func(result) float64) float64 {
	if cost(small) == 0 {
		return 0
	}
	return (cost(large) / float64(large.guests)) / (cost(small) / float64(small.guests))
}

var costs = []struct {
	name string
	of   func(result) float64
}{
	{"wall", func(r result) float64 { return r.wall.Seconds() }},
	{"CPU", func(r result) float64 { return (r.engine.cpu + r.provider.cpu + r.program.cpu).Seconds() }},
	{"peak engine", func(r result) float64 { return float64(r.engine.peakBytes) }},
	{"peak provider", func(r result) float64 { return float64(r.provider.peakBytes) }},
	{"peak program", func(r result) float64 { return float64(r.program.peakBytes) }},
	{"API requests", func(r result) float64 { return float64(r.requests) }},
	{"SSH sessions", func(r result) float64 { return float64(r.sshSessions) }},
	{"state writes", func(r result) float64 { return float64(r.stateVersions) }},
	{"state bytes", func(r result) float64 { return float64(r.stateBytes) }},
}

// Growth above this is called faster than linear; what lies between is noise.
const linear = 1.25

func growthTable(results []result) string {
	from, to := growthSizes(results)
	if from == to {
		return ""
	}
	var b, faster strings.Builder
	_, _ = fmt.Fprintf(&b, "\nCost per guest at %d guests, as a multiple of that at %d (1 is linear, below 1 a part is fixed):\n\n| operation |", to, from)
	for _, c := range costs {
		_, _ = fmt.Fprintf(&b, " %s |", c.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(costs)) + "\n")
	for _, small := range results {
		if small.guests != from {
			continue
		}
		i := slices.IndexFunc(results, func(r result) bool { return r.guests == to && r.operation == small.operation })
		_, _ = fmt.Fprintf(&b, "| %s |", small.operation)
		for _, c := range costs {
			factor := growth(small, results[i], c.of)
			if factor == 0 {
				b.WriteString(" - |")
				continue
			}
			_, _ = fmt.Fprintf(&b, " %.2f |", factor)
			if factor > linear {
				_, _ = fmt.Fprintf(&faster, "- %s of %s: %.1f times the cost per guest\n", c.name, small.operation, factor)
			}
		}
		b.WriteString("\n")
	}
	if faster.Len() == 0 {
		b.WriteString("\nNothing grows faster than the number of guests.\n")
	} else {
		b.WriteString("\nWhat grows faster than the number of guests, as the engine writes the whole state after each step:\n\n" + faster.String())
	}
	return b.String()
}

// growthSizes are the smallest measured size of at least 10, below which fixed costs hide the
// rest, and the largest.
func growthSizes(results []result) (from, to int) {
	for _, r := range results {
		if r.guests >= 10 && (from == 0 || r.guests < from) {
			from = r.guests
		}
		to = max(to, r.guests)
	}
	if from == 0 {
		return to, to
	}
	return from, to
}
