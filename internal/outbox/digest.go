package outbox

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Top is how many messages a digest names.
const Top = 8

// Total adds up counts by kind.
func Total(counts map[string]int64) int64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return n
}

// Add adds counts by kind to others, and gives the sum.
func Add(a, b map[string]int64) map[string]int64 {
	sum := maps.Clone(a)
	if sum == nil {
		sum = map[string]int64{}
	}
	for kind, n := range b {
		if sum[kind] += n; sum[kind] == 0 {
			delete(sum, kind)
		}
	}
	return sum
}

// Beyond is what counts have that others, which were told, have not.
func Beyond(counts, told map[string]int64) map[string]int64 {
	rest := map[string]int64{}
	for kind, n := range counts {
		if more := n - told[kind]; more > 0 {
			rest[kind] = more
		}
	}
	return rest
}

// Words says counts by kind in words, the most first: "20 reminders, 3 tickets".
func Words(counts map[string]int64) string {
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	parts := make([]string, len(kinds))
	for i, kind := range kinds {
		parts[i] = fmt.Sprintf("%d × %s", counts[kind], kind)
	}
	return strings.Join(parts, ", ")
}
